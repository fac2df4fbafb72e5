// One client's connection: reads requests one after the other, hands them to the handler, writes
// the answers, and keeps every limit on the way. All of it runs on the connection's strand; the
// handles it gives out (exchange, sink) may be used from anywhere. Internal to net/http.
#pragma once

#include "net/http/chunked.hpp"
#include "net/http/outbox.hpp"
#include "net/http/server_core.hpp"
#include "net/tls/channel.hpp"

namespace troupe::http {

class live_sink;

class connection : public std::enable_shared_from_this<connection> {
public:
  connection(std::shared_ptr<server::core> home, socket peer, std::shared_ptr<http::peer> who,
             const tls::context* tls);
  ~connection();

  /// First step; everything later follows from events.
  void start();
  /// The server stops: ends what is idle, lets an answer under way finish.
  void stop();
  /// Ends everything at once.
  void close(gone why);
  /// The sweeper found the deadline passed.
  void expire();

  /// Answers the request of `turn`, if it is still the current one.
  void reply(uint64_t turn, response what);
  void open(uint64_t turn, int status, const header_list& headers,
            const std::shared_ptr<live_sink>& to);
  void note_gone_callback(uint64_t turn, std::function<void(gone)> call);
  /// A sink has something to say: from any thread, soon to be served.
  void wake(std::shared_ptr<live_sink> from);
  void serve(live_sink& from);
  void limit_time(const live_sink& from, std::optional<std::chrono::milliseconds> time);

  /// Runs `call` on the strand: now if this is it, else soon.
  template<class Call> void run(Call call);

  std::atomic<int64_t> deadline{no_deadline};
  std::atomic<size_t> outbox_bytes{0};
  connection_list::iterator place; ///< in the server's list
  const limits& bounds() const { return home_->settings.limits; }
  const std::string& ip() const { return peer_->address; }

private:
  enum class phase : uint8_t {
    handshake,
    idle,      ///< between requests
    head,      ///< part of a head has come
    body,      ///< part of a body has come
    handling,  ///< the handler owes an answer
    streaming, ///< an answer of unknown length is under way
    upgraded,  ///< no longer HTTP
    lingering, ///< the last answer is out; waiting for the client to close
    closed,
  };

  void settle();
  void shake_hands();
  void advance();
  bool advance_head();
  void begin_body();
  bool advance_body();
  bool refuse_if(std::optional<refusal> no);
  void dispatch();
  void refuse(refusal no);
  void finish_turn();
  void enqueue(const response& what);
  void flush();
  void arm();
  void arm_deadline();
  bool wants_read() const;
  void on_readable();
  void take_in(std::string_view data);
  void on_end();
  void linger();
  void set_phase(phase next, std::chrono::milliseconds within);
  void set_phase(phase next);
  void tell_gone(gone why);
  std::string_view input() const { return std::string_view{in_}.substr(in_used_); }
  void use_input(size_t count);

  std::shared_ptr<server::core> home_;
  socket socket_;
  tls::channel channel_;
  std::shared_ptr<http::peer> peer_;

  phase phase_ = phase::handshake;
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool write_blocked_ = false;
  bool advancing_ = false;
  bool close_after_ = false; ///< no request after the current one
  bool peer_ended_ = false;
  bool head_only_ = false; ///< the answer goes without its body
  bool first_request_ = true;
  bool counted_slow_ = false;
  method verb_ = method::get;
  int version_minor_ = 1;
  uint64_t turn_ = 0;
  int64_t phase_deadline_ = no_deadline;
  int64_t write_progress_ = 0;
  size_t lingered_bytes_ = 0;

  std::string in_;
  size_t in_used_ = 0;
  head_scanner scanner_;
  std::unique_ptr<request> request_;         ///< being read
  std::unique_ptr<chunked_decoder> decoder_; ///< while a chunked body is read
  outbox out_;
  std::shared_ptr<live_sink> sink_; ///< while streaming or upgraded
  std::function<void(gone)> on_gone_;
};

} // namespace troupe::http
