#include "actors/node/door.hpp"

namespace troupe::node {

namespace {

class local_door : public door {
public:
  explicit local_door(context_ptr with) : with_{std::move(with)} {}

  void handle(http::request request, http::responder responder) override {
    auto path = request.path();
    if (path == "/healthz") return responder.reply(http::answer(200, "text/plain", "ok"));
    responder.reply(http::plain_answer(404, "this node serves no such path"));
  }

private:
  context_ptr with_;
};

} // namespace

std::shared_ptr<door> make_door(context_ptr with) {
  return std::make_shared<local_door>(std::move(with));
}

} // namespace troupe::node
