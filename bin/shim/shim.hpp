// troupe-shim: parent of one pod's containers. It keeps their standard streams, writes their logs
// and exit codes, serves exec and attach, and lives on when Troupe is restarted or killed. One
// thread, one loop, memory under a megabyte: plain functions on plain structs, no C++ library.
#pragma once

#include "actors/runtime/shim_protocol.hpp"

#include <cstdint>
#include <sys/types.h>

namespace troupe::shim {

// LOG: CRI's format, "TIME stream F|P text", rotated by size.
struct log_line {
  char* held = nullptr; ///< the begin of a line whose end has not come
  size_t size = 0;
};
struct log_file {
  int fd = -1;
  uint64_t bytes = 0;
  uint64_t bytes_max = 0;
  int files_max = 1;
  char path[512] = {};
};
void open_log(log_file& log, const char* path, uint64_t bytes_max, int files_max);
/// Writes every complete line in `data`; keeps the rest until more comes or end_log_line().
void write_log(log_file& log, log_line& line, const char* stream, const char* data, size_t size);
void end_log_line(log_file& log, log_line& line, const char* stream);
void close_log(log_file& log);

// PROCESSES: containers and what is run in them.
enum class state : uint8_t { unused, starting, running, ended };

struct process {
  state is = state::unused;
  bool container = false;
  bool tty = false, wants_in = false, once = false;
  char id[id_bytes_max + 1] = {};
  pid_t runtime = 0; ///< the runtime command, while it runs
  pid_t pid = 0;
  char request[24] = {};
  int asked_by = -1; ///< index of the connection that waits for an answer, or the exec's stream
  int in = -1, out = -1, err = -1; ///< our ends; with a terminal `out` is its master
  int console = -1;                ///< where the runtime delivers the terminal
  int rows = 0, columns = 0;
  log_file log;
  log_line out_line, err_line;
  int status = 0; ///< of waitpid
};

// CONNECTIONS
struct connection {
  int fd = -1;
  bool watches = false;
  int process = -1;      ///< whose streams it carries
  bool attached = false; ///< to a container; else it is an exec's own
  char* held = nullptr;  ///< stdin that the process has not taken yet
  size_t held_at = 0, held_size = 0;
  char* unsent = nullptr; ///< the other side does not read: its process is not read either
  size_t unsent_size = 0;
};

extern process processes[processes_max];
extern connection connections[connections_max];

// What happened, and what is done about it (session.cpp, processes.cpp).
int find_process(const char* id);
/// Starts the runtime command of a new process. -1: no room, or no way to start it.
int start_process(const process& what, char* const* argv, const char* console_name);
int start_pause();
/// The runtime command or the process itself has ended.
void reap();
/// Whoever ran it does not read what it writes.
bool stuck(const process& p);
/// Reads what the process has written; true while there may be more.
bool drain(int index, bool error_stream);
void finish(int index);
void drop_process(int index);

void accept_connection(int listener);
void read_connection(int index);
void close_connection(int index);
void flush_stdin(int index);
void flush_unsent(int index);
bool send_message(int index, const void* data, size_t size);
void send_words(int index, int count, const char* const* words);
void send_stream(int index, char kind, const void* data, size_t size);
/// To everybody who watches.
void tell_exit(const process& of);

// Small help.
uint64_t wall_nanos();
long long start_time_of(pid_t pid);
void write_file(const char* name, const char* text);
void set_nonblocking(int fd);

} // namespace troupe::shim
