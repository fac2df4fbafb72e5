#include "actors/gateway/authorization.hpp"

#include "actors/gateway/node_authorizer.hpp"
#include "actors/link/hub.hpp"
#include "net/http/url.hpp"

namespace troupe::gateway {

namespace {

std::string in_namespace(const std::string& ns) {
  return ns.empty() ? " at the cluster scope" : " in the namespace \"" + ns + "\"";
}

/// "system:serviceaccount:NS:NAME" taken apart.
std::optional<std::pair<std::string, std::string>> account_of(std::string_view name) {
  constexpr std::string_view prefix = "system:serviceaccount:";
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  auto colon = name.find(':');
  if (colon == name.npos) return {};
  return std::pair(std::string(name.substr(0, colon)), std::string(name.substr(colon + 1)));
}

} // namespace

attributes attributes_of(const route& where) {
  attributes a;
  a.verb = where.verb;
  a.resource = where.resource;
  a.path = where.path;
  a.group = where.group;
  a.version = where.version;
  a.plural = where.plural;
  a.subresource = where.subresource;
  a.name = where.name.empty() ? where.selected_name : where.name;
  a.ns = where.ns;
  a.of_node = where.selected_node;
  return a;
}

error not_allowed(const user& who, const attributes& a, const std::string& why) {
  auto because = why.empty() ? std::string{} : ": " + why;
  if (!a.resource)
    return {errc::forbidden, "forbidden: User \"" + who.name + "\" cannot " + a.verb + " path \"" +
                                 a.path + "\"" + because};
  auto resource = a.subresource.empty() ? a.plural : a.plural + "/" + a.subresource;
  auto subject = a.group.empty() ? a.plural : a.plural + "." + a.group;
  if (!a.name.empty()) subject += " \"" + a.name + "\"";
  error e{errc::forbidden, subject + " is forbidden: User \"" + who.name + "\" cannot " + a.verb +
                               " resource \"" + resource + "\" in API group \"" + a.group + "\"" +
                               in_namespace(a.ns) + because};
  e.details = {.name = a.name, .group = a.group, .kind = a.plural};
  return e;
}

authorizer::authorizer(storage::store& store) : store_{store} {
  for (auto resource : {"clusterroles", "roles", "clusterrolebindings", "rolebindings"}) {
    storage::watch_options options;
    options.resource = std::string(resource) + ".rbac.authorization.k8s.io";
    options.after_revision = store.current().revision();
    options.wake = [this] { stale_ = true; };
    if (auto watch = store.subscribe(std::move(options))) watches_.push_back(std::move(*watch));
  }
}

std::shared_ptr<const rule_book> authorizer::book() {
  if (!stale_) return std::atomic_load(&book_);
  std::lock_guard hold(mutex_);
  if (!stale_) return std::atomic_load(&book_);
  stale_ = false;
  std::vector<storage::event_ptr> unread; // reading arms the watches again
  for (auto& w : watches_)
    if (auto read = w.read(unread); !read) stale_ = true; // too far behind: look again next time
  std::atomic_store(&book_, std::shared_ptr<const rule_book>(std::make_shared<rule_book>(
                                store_.current(), *schema::registry::built_in())));
  return std::atomic_load(&book_);
}

result<void> authorizer::check(const user& who, const attributes& wanted) {
  if (who.in("system:masters")) return {};
  // A server has let in those in whose name it passes a request on.
  if (who.in(server_group) && wanted.verb == "impersonate") return {};
  auto rules = book();
  if (rules->allows(who, wanted)) return {};
  auto node = node_of(who);
  if (!node) return not_allowed(who, wanted);
  auto granted = rules->rules_of_role({}, "system:node");
  auto why = why_node_may_not(*node, wanted, granted ? *granted : std::vector<const policy_rule*>{},
                              store_.current());
  if (why.empty()) return {};
  return not_allowed(who, wanted, why);
}

result<user> authorizer::impersonated(const user& who, const http::request& request) {
  auto name = request.header("Impersonate-User");
  auto groups = request.headers("Impersonate-Group");
  auto uid = request.header("Impersonate-Uid");
  constexpr std::string_view extra = "impersonate-extra-";
  std::vector<std::pair<std::string, std::string>> extras;
  for (auto& h : request.headers()) {
    std::string key(h.name);
    for (auto& c : key) c = static_cast<char>(tolower(c));
    if (!key.starts_with(extra)) continue;
    key.erase(0, extra.size());
    auto plain = http::percent_decoded(key); // keys may hold what header names may not
    extras.emplace_back(plain ? *plain : key, h.value);
  }
  if (name.empty()) {
    if (!groups.empty() || !uid.empty() || !extras.empty())
      return error{errc::internal,
                   "requested impersonation of groups, a uid or extras without a user"};
    return who;
  }
  attributes wanted{.verb = "impersonate", .plural = "users", .name = std::string(name)};
  user other{std::string(name), std::string(uid), {}, {}};
  auto account = account_of(name);
  if (account) {
    wanted.plural = "serviceaccounts";
    wanted.ns = account->first;
    wanted.name = account->second;
  }
  if (auto ok = check(who, wanted); !ok) return ok.error();
  for (auto g : groups) {
    if (auto ok = check(who, {.verb = "impersonate", .plural = "groups", .name = std::string(g)});
        !ok)
      return ok.error();
    other.groups.emplace_back(g);
  }
  if (account && groups.empty())
    other.groups = {"system:serviceaccounts", "system:serviceaccounts:" + account->first};
  for (auto& [key, value] : extras) {
    attributes right{.verb = "impersonate",
                     .group = "authentication.k8s.io",
                     .plural = "userextras",
                     .subresource = key,
                     .name = value};
    if (auto ok = check(who, right); !ok) return ok.error();
    other.extra[key].push_back(value);
  }
  if (!uid.empty())
    if (auto ok = check(who, {.verb = "impersonate",
                              .group = "authentication.k8s.io",
                              .plural = "uids",
                              .name = std::string(uid)});
        !ok)
      return ok.error();
  // Whoever says that nobody vouched for them is believed.
  bool unknown = other.in("system:unauthenticated");
  if (other.name == "system:anonymous" && !unknown)
    other.groups.emplace_back("system:unauthenticated");
  if (other.name != "system:anonymous" && !unknown && !other.in("system:authenticated"))
    other.groups.emplace_back("system:authenticated");
  return other;
}

} // namespace troupe::gateway
