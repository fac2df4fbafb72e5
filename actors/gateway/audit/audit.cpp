#include "actors/gateway/audit/audit.hpp"

#include "actors/gateway/authorization.hpp"
#include "actors/gateway/listened.hpp"

#include <cstdio>

namespace troupe::gateway {

namespace {

constexpr size_t given_id_bytes_max = 64;

/// The client's own id for the request, if it has one, else a new one.
std::string id_of(const http::request& request, uint64_t random) {
  auto given = request.header("Audit-ID");
  if (!given.empty()) return std::string(given.substr(0, given_id_bytes_max));
  char text[40];
  snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx", static_cast<unsigned>(random >> 32),
           static_cast<unsigned>(random >> 16 & 0xffff), static_cast<unsigned>(random & 0xfff),
           static_cast<unsigned>(request.id & 0xfff),
           static_cast<unsigned long long>(request.id & 0xffff'ffff'ffff));
  return text;
}

/// Puts one event into the log for each stage of its call.
class live_audit : public audited, public answer_listener {
public:
  live_audit(std::shared_ptr<audit_log> log, std::shared_ptr<const audited_request> of,
             std::function<timestamp()> now)
      : log_{std::move(log)}, now_{std::move(now)} {
    event_.of = std::move(of);
  }

  void acts_as(const user& other) override { event_.acting = other; }
  void decided(bool allowed) override {
    event_.decision = allowed ? "allow" : "forbid";
    event_.reason = allowed ? "RBAC: allowed" : "";
  }

  void tell(audit_stage stage) {
    if (!event_.of->verdict.tells(stage)) return;
    auto copy = event_;
    copy.stage = stage;
    copy.at = now_();
    log_->put(std::move(copy));
  }

  void begun(int status, const http::response* whole) override {
    event_.status = status;
    if (!whole) return tell(audit_stage::response_started);
    auto wanted = event_.of->verdict.level == audit_level::request_response;
    if (!wanted && status < 400) return;
    for (auto& [name, value] : whole->headers)
      if (name == "Content-Type") event_.content_type = value;
    event_.answer = whole->body;
  }
  void ended() override { tell(audit_stage::response_complete); }

private:
  std::shared_ptr<audit_log> log_;
  std::function<timestamp()> now_;
  audit_event event_;
};

} // namespace

std::shared_ptr<audited> audit(const std::shared_ptr<audit_log>& log, call& c, const user& who,
                               std::function<timestamp()> now, uint64_t random) {
  auto verdict = log->policy().judge(who, attributes_of(c.where));
  if (verdict.level == audit_level::none) return nullptr;
  auto of = std::make_shared<audited_request>();
  of->verdict = verdict;
  of->id = id_of(c.request, random);
  of->uri = std::string(c.request.target());
  if (c.request.from) of->address = c.request.from->address;
  of->agent = std::string(c.request.header("User-Agent"));
  of->content_type = std::string(c.request.header("Content-Type"));
  if (verdict.level >= audit_level::request) of->body = c.request.body;
  of->where = c.where;
  of->who = who;
  of->received = c.now;
  c.audit_id = of->id;
  auto live = std::make_shared<live_audit>(log, std::move(of), std::move(now));
  c.responder = http::responder(listened(c.responder.release(), live));
  live->tell(audit_stage::request_received);
  return live;
}

} // namespace troupe::gateway
