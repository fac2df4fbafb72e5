// What the NODE AGENT and a pod's troupe-shim say to each other, over a SOCK_SEQPACKET Unix socket
// in the pod's directory. A shim outlives the program that started it: words and files below are
// permanent. No dependencies: the shim is made of little more than this.
//
// A first message is words separated by NUL bytes, the verb in front:
//   run REQUEST ID FLAGS LOG LOG_BYTES LOG_FILES ARGV...  starts a container by the runtime command
//        ARGV, which detaches and leaves its pid in ID.pid. Answers `ran REQUEST PID`, or
//        `failed REQUEST CODE TEXT`.
//   await REQUEST ID           for who begins anew while a container starts: answers as its `run`
//        would, or `unknown REQUEST` if nobody has asked for it
//   kill REQUEST ID SIGNAL     answers `killed REQUEST` or `failed ...`
//   pause REQUEST              starts the first process of a pid namespace; answers `ran`
//   watch                      from now on this connection hears `exited ID CODE SIGNAL NANOS`
//   quit                       the shim ends unless something still runs
//   exec FLAGS ROWS COLUMNS PIDFILE ARGV...   this connection becomes the session's stream
//   attach FLAGS ID                           the same, for a container's own standard streams
// Flags: i stdin, o stdout, e stderr, t a terminal, 1 stdin ends with the first who attaches.
//
// Messages of a stream: one byte that says what it is, then the data.
//
// Files in the pod's directory, which is the shim's working directory:
//   shim                 "PID START_TIME" of the shim
//   ID.pid               written by the runtime
//   ID.run               "PID START_TIME STARTED_NANOS" of a container
//   ID.exit              "CODE SIGNAL FINISHED_NANOS", once it has ended
// START_TIME is field 22 of /proc/PID/stat: a pid that was given again shows another one.
#pragma once

#include <cstddef>

namespace troupe::shim {

inline constexpr size_t message_bytes_max = 128 * 1024; ///< argv included
inline constexpr size_t chunk_bytes_max = 16 * 1024;    ///< of one stream message
inline constexpr size_t processes_max = 256;            ///< containers and execs at one time
inline constexpr size_t connections_max = 256;
inline constexpr size_t id_bytes_max = 127;

enum stream_byte : char {
  stream_stdin = '0', ///< without data: the end of stdin
  stream_stdout = '1',
  stream_stderr = '2',
  stream_resize = 'r',  ///< "ROWS COLUMNS"
  stream_signal = 'k',  ///< a number: sent to the process
  stream_started = 's', ///< the command runs
  stream_exit = 'x',    ///< the exit code; the last message
  stream_failed = '!',  ///< why there is nothing; the last message
};

} // namespace troupe::shim
