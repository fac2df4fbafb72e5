#include "actors/gateway/documents.hpp"

#include "messages/codec/openapi.hpp"

namespace troupe::gateway {

void answer_document(call& c, const document_cache::document& d, std::string type) {
  auto tag = "\"" + d.hash + "\"";
  if (c.request.header("If-None-Match") == tag) {
    http::response r{304, {{"ETag", tag}}, {}};
    return c.answer(std::move(r));
  }
  http::response r{
      200, {{"Content-Type", std::move(type)}, {"ETag", tag}, {"Vary", "Accept"}}, {d.body}};
  c.answer(std::move(r));
}

document_cache::document document_cache::get(const std::shared_ptr<const schema::registry>& kinds,
                                             const std::string& name,
                                             const std::function<std::string()>& make) {
  {
    std::lock_guard hold(mutex_);
    if (of_ != kinds) {
      of_ = kinds;
      documents_.clear();
    }
    if (auto hit = documents_.find(name); hit != documents_.end()) return hit->second;
  }
  auto text = make();
  document made{nullptr, codec::document_hash(text)};
  made.body = http::share(std::move(text));
  std::lock_guard hold(mutex_);
  if (of_ == kinds) documents_[name] = made;
  return made;
}

} // namespace troupe::gateway
