// Streams over WebSocket, in the two ways Kubernetes has: numbered channels, one byte in front of
// each message (`v4/v5.channel.k8s.io` and their base64 forms); and any other engine's bytes inside
// binary messages (SPDY for port-forward).
#pragma once

#include "net/streams/engine.hpp"
#include "net/streams/websocket.hpp"

#include <bitset>
#include <memory>

namespace troupe::streams {

/// How messages carry channels.
struct channel_form {
  bool base64 = false;     ///< a digit and base64 text instead of bytes
  bool half_close = false; ///< v5: the client closes channel n by a message {255, n}
};

/// The part that both kinds share: pings answered, closes shaken, violations ended.
class websocket_engine : public engine, private websocket_decoder::events {
public:
  void feed(std::string_view bytes, engine_events& to) final;
  void close() final;
  bool over() const { return over_; }

protected:
  virtual void on_payload(bool text, std::string_view payload, engine_events& to) = 0;
  virtual void before_close() {}
  void send(opcode kind, std::string_view payload);
  void fail(uint16_t code, std::string_view why);

private:
  void on_message(bool text, std::string_view payload) final;
  void on_ping(std::string_view payload) final;
  void on_close(uint16_t code) final;

  websocket_decoder decoder_;
  engine_events* to_ = nullptr; ///< while feed() runs
  bool over_ = false;
};

class channel_engine : public websocket_engine {
public:
  explicit channel_engine(channel_form form) : form_{form} {}
  void write(lane which, std::string_view data) override;
  void finish(lane which) override;
  void reset(lane which) override { finish(which); }

private:
  void on_payload(bool text, std::string_view payload, engine_events& to) override;

  channel_form form_;
  std::bitset<256> ended_;
};

class wrapped_engine : public websocket_engine {
public:
  explicit wrapped_engine(std::unique_ptr<engine> inner) : inner_{std::move(inner)} {}
  void write(lane which, std::string_view data) override;
  void finish(lane which) override;
  void reset(lane which) override;
  size_t held_bytes() const override { return inner_->held_bytes(); }

private:
  void on_payload(bool text, std::string_view payload, engine_events& to) override;
  void before_close() override;
  void wrap();

  std::unique_ptr<engine> inner_;
};

} // namespace troupe::streams
