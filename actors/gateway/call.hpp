// One API request on its way through the gateway: what was asked, by whom, in which form the answer
// goes back. It outlives its connection's handler when the answer has to wait for the store.
#pragma once

#include "actors/gateway/failures.hpp"
#include "actors/gateway/object.hpp"
#include "actors/gateway/options.hpp"
#include "actors/gateway/route.hpp"
#include "actors/gateway/user.hpp"
#include "messages/base/time.hpp"
#include "net/http/responder.hpp"
#include "storage/store.hpp"

#include <functional>

namespace troupe::gateway {

struct call {
  http::request request;
  http::responder responder;
  http::query query;
  route where;
  user who;
  gateway::media media;
  std::shared_ptr<const schema::registry> kinds;
  const schema::kind* kind = nullptr;
  const schema::subresource* sub = nullptr;
  std::vector<std::string> warnings;
  std::string audit_id; ///< empty unless the audit log tells of it
  timestamp now;        ///< when it came
  /// What is written together with it, by key: admission counts it as if it were there already.
  std::function<const storage::entry*(std::string_view)> pending;

  void answer(http::response r);
  /// Begins an answer that goes on for longer.
  http::stream stream(int status, std::string content_type);
  void fail(const error& failure) { answer(failure_answer(failure, media)); }
  /// The object with these stored bytes, in the form that was asked for.
  void answer_object(int status, std::string_view stored, uint64_t revision);
  /// A document that is no stored object, such as a Scale or a review.
  void answer_document(int status, std::string_view api_version, std::string_view kind,
                       const google::protobuf::Message& document);
  /// Notes a Warning header, once.
  void warn(std::string text);

private:
  void say_about(http::header_list& headers) const;
};

using call_ptr = std::shared_ptr<call>;

/// An object's bytes in the form that was asked for: what answer_object sends.
http::response object_answer(const call& c, int status, std::string_view stored, uint64_t revision);

} // namespace troupe::gateway
