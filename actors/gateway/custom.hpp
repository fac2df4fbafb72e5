// Custom resources in the gateway: definitions become kinds that are served, and their objects are
// pruned, defaulted and validated by their schemas.
#pragma once

#include "actors/gateway/gateway.hpp"

#include <map>
#include <optional>

namespace k8s::apiextensions::v1 {
class CustomResourceDefinition;
}

namespace troupe::gateway {

/// Kinds that definitions serve, compiled once per revision of a definition. Any thread.
class custom_kinds {
public:
  ~custom_kinds();

  /// From the next hear() on, whenever definitions change, by whichever server, has `refresh`
  /// called by `post`, but not once this is gone.
  void follow(storage::store& store, std::function<void(std::function<void()>)> post,
              std::function<void()> refresh);
  /// The caller is about to look at the present; what has changed until now is no news.
  void hear();
  /// Held by whoever puts a new registry in the place of another: the newest stays.
  std::mutex replacing;
  /// The registry that fits this state of the store.
  std::shared_ptr<const schema::registry> registry_of(const storage::snapshot& now);

private:
  struct follower {
    std::mutex mutex;
    bool alive = true;
  };

  std::mutex mutex_;
  std::shared_ptr<follower> follower_ = std::make_shared<follower>();
  storage::store* store_ = nullptr;
  storage::watch_options wanted_;
  std::optional<storage::watch> watch_;
  std::map<std::string, std::pair<uint64_t, std::vector<schema::kind>>> compiled_;
  std::shared_ptr<const schema::registry> made_;
};

/// CustomResourceDefinition.
const schema::kind& definition_kind();
bool is_definition(const schema::kind& kind);

/// Fills in the status of a definition: which names are accepted, and, unless the status is what
/// the client writes, which versions are stored.
void settle_definition(k8s::apiextensions::v1::CustomResourceDefinition& definition,
                       const schema::registry& kinds, bool status_alone, timestamp now);

/// Lets definitions that waited for names of `gone` have them.
void settle_waiting(const schema::registry& kinds, const storage::snapshot& now,
                    const k8s::apiextensions::v1::CustomResourceDefinition& gone, timestamp at,
                    storage::transaction& tx);

/// Whether the definition of a custom kind is on its way out, together with all objects.
bool is_leaving(const schema::kind& kind, const storage::snapshot& now);

/// The fields of a custom object that its schema does not know.
std::vector<std::string> unknown_in_custom(const call& c, const google::protobuf::Message& object);
/// Prunes and defaults a custom object; reports what was pruned as the client chose.
result<void> shape_custom(call& c, google::protobuf::Message& object, field_validation mode);
/// `old` is what an update replaces, null at creation.
std::vector<cause> validate_custom(const schema::kind& kind,
                                   const google::protobuf::Message& object,
                                   const google::protobuf::Message* old = nullptr);

} // namespace troupe::gateway
