// A CLUSTER, as programs hold it: objects read and written as what they are in C++, several in one
// transaction. Cheap to copy; any thread. Who acts is told by the certificate of its connection.
#pragma once

#include "actors/client/connection.hpp"
#include "messages/base/json.hpp"
#include "messages/schema/kind.hpp"

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

/// "/apis/apps/v1/namespaces/default/deployments/web": of a kind in no namespace, or of all, `ns`
/// is empty.
std::string object_path(std::string_view group, std::string_view version, std::string_view ns,
                        std::string_view plural, std::string_view name,
                        std::string_view subresource);

/// A kind as the API names it. Those that are built in follow from their class.
struct kind_name {
  std::string group, version, plural;
  std::string kind;
  bool namespaced = true;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  std::string path(std::string_view ns, std::string_view name = {},
                   std::string_view subresource = {}) const {
    return object_path(group, version, namespaced ? ns : "", plural, name, subresource);
  }
};

/// The kind of a class: k8s::apps::v1::Deployment.
const kind_name& kind_of(const google::protobuf::Descriptor* type);
template<class T> const kind_name& kind_of() { return kind_of(T::descriptor()); }

/// Which objects are meant.
struct selection {
  std::string ns;     ///< empty: all
  std::string labels; ///< "app=web,tier!=db"
  std::string fields; ///< "spec.nodeName=a"
};

/// One of several writes that are to happen together or not at all.
struct write {
  enum class verb { create, update, update_status, remove };
  verb what = verb::create;
  json::value object; ///< whole, with apiVersion, kind and metadata
};

class cluster {
public:
  explicit cluster(std::shared_ptr<connection> over) : over_{std::move(over)} {}
  /// Connects as a kubeconfig says: see find_settings().
  static result<cluster> connect(const settings& given,
                                 std::chrono::milliseconds patience = std::chrono::seconds{10});

  // ---- built-in kinds: generated classes ----
  template<class T> result<T> get(std::string_view ns, std::string_view name) const {
    T out;
    if (auto ok = get_into(out, kind_of<T>(), ns, name); !ok) return ok.error();
    return out;
  }
  template<class T> result<std::vector<T>> list(const selection& chosen = {}) const {
    std::vector<T> out;
    auto ok = list_each(kind_of<T>(), chosen, [&](std::string_view bytes) {
      return out.emplace_back().ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
    });
    if (!ok) return ok.error();
    return out;
  }
  /// Each returns the object as it is stored.
  template<class T> result<T> create(const T& object) const {
    return put<T>("POST", object, object.metadata().namespace_(), {}, {});
  }
  template<class T> result<T> update(const T& object) const {
    return put<T>("PUT", object, object.metadata().namespace_(), object.metadata().name(), {});
  }
  template<class T> result<T> update_status(const T& object) const {
    return put<T>("PUT", object, object.metadata().namespace_(), object.metadata().name(),
                  "status");
  }
  /// Server-side apply: these fields are `manager`'s, and what it no longer names goes.
  template<class T>
  result<T> apply(const T& object, std::string_view manager, bool force = true) const {
    T out;
    auto ok = apply_into(out, kind_of<T>(), object, object.metadata().namespace_(),
                         object.metadata().name(), manager, force);
    if (!ok) return ok.error();
    return out;
  }
  template<class T> result<void> remove(std::string_view ns, std::string_view name) const {
    return remove(kind_of<T>(), ns, name);
  }

  // ---- any kind: JSON ----
  result<json::value> get(const kind_name& kind, std::string_view ns, std::string_view name) const;
  result<std::vector<json::value>> list(const kind_name& kind, const selection& chosen = {}) const;
  result<json::value> create(const kind_name& kind, const json::value& object) const;
  result<json::value> update(const kind_name& kind, const json::value& object,
                             std::string_view subresource = {}) const;
  /// A merge patch.
  result<json::value> patch(const kind_name& kind, std::string_view ns, std::string_view name,
                            const json::value& changes, std::string_view subresource = {}) const;
  result<json::value> apply(const kind_name& kind, const json::value& object,
                            std::string_view manager, bool force = true) const;
  result<void> remove(const kind_name& kind, std::string_view ns, std::string_view name) const;
  /// A kind by its apiVersion and kind, as the cluster knows it: for custom resources.
  result<kind_name> find_kind(std::string_view api_version, std::string_view kind) const;

  /// All of them or none, at one revision, which is returned. Those that update or remove must name
  /// the resourceVersion that they saw, if they are to hold only while that is the newest.
  result<uint64_t> transact(const std::vector<write>& all) const;

  /// Actors of the servers by their names: "controller/deployment", "scheduler", "raft".
  result<std::vector<std::string>> actors() const;
  result<json::value> ask(std::string_view actor, std::string_view word = "describe") const;
  result<void> tell(std::string_view actor, std::string_view word) const;

  const std::shared_ptr<connection>& over() const { return over_; }

private:
  result<std::string> call(std::string method, std::string target, std::string body = {},
                           std::string type = {}, std::string accept = "application/json") const;
  result<void> get_into(google::protobuf::Message& out, const kind_name& kind, std::string_view ns,
                        std::string_view name) const;
  result<void> list_each(const kind_name& kind, const selection& chosen,
                         const std::function<bool(std::string_view)>& each) const;
  result<void> put_into(google::protobuf::Message& out, std::string method, const kind_name& kind,
                        const google::protobuf::Message& object, std::string_view ns,
                        std::string_view name, std::string_view subresource) const;
  result<void> apply_into(google::protobuf::Message& out, const kind_name& kind,
                          const google::protobuf::Message& object, std::string_view ns,
                          std::string_view name, std::string_view manager, bool force) const;
  template<class T>
  result<T> put(std::string method, const T& object, std::string_view ns, std::string_view name,
                std::string_view subresource) const {
    T out;
    auto ok = put_into(out, std::move(method), kind_of<T>(), object, ns, name, subresource);
    if (!ok) return ok.error();
    return out;
  }

  std::shared_ptr<connection> over_;
};

/// The failure that an answer tells: its reason as a code, its message as it is.
error failure_of(const answer& got);

} // namespace troupe::client
