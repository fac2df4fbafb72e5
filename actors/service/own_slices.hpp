// The slices that one controller makes: which belong to which service, where in them each endpoint
// is, and which of the changes that it hears of are its own.
#pragma once

#include "actors/controllers/reconciler.hpp"
#include "actors/service/slices_plan.hpp"

namespace troupe::service {

/// The built-in kinds that services are about.
const schema::kind& service_kind();
const schema::kind& endpoints_kind();
const schema::kind& slice_kind();

inline constexpr const char* slices_manager = "endpointslice-controller.k8s.io";
inline constexpr const char* mirrors_manager = "endpointslicemirroring-controller.k8s.io";

/// Whether pods are found for the service by its selector.
bool chooses_pods(const k8s::core::v1::Service& service);

/// When it was seen that a slice has to change: from there on its way to the nodes is measured.
inline constexpr const char* trigger_annotation =
    "endpoints.kubernetes.io/last-change-trigger-time";

class own_slices {
public:
  /// Called with the key of a service when one of its slices has changed. `foreign`: it is not, or
  /// not only, what was written here last.
  using listener = std::function<void(const std::string& service, bool foreign)>;

  own_slices(const char* manager, listener concerns)
      : manager_{manager}, concerns_{std::move(concerns)} {}

  void hear(const storage::entry& slice, bool gone);
  void clear();

  /// Those of one service, as they were heard.
  const slice_map& of(const std::string& service) const;

  /// What all slices made for a service have in common; `more` are the labels of the object that
  /// tells what stands behind it.
  using labels = google::protobuf::Map<std::string, std::string>;
  k8s::meta::v1::ObjectMeta head(const std::string& ns, const std::string& service,
                                 const labels& more) const;

  /// Brings the slices of the service at `r.key` to `wanted`: see plan(). What cannot be written
  /// fails the round.
  void write(controllers::round& r, std::vector<endpoint_group> wanted,
             const k8s::meta::v1::ObjectMeta& head, const std::set<std::string>* some = nullptr);
  /// Whether all that was written for the service has been heard: it was not refused.
  bool heard_all(const std::string& service);

private:
  struct mine {
    slice_map map;
    std::map<std::string, std::string> unheard; ///< by key: what was written, empty if removed
  };

  std::string service_of(const storage::entry& slice) const;
  void change(const std::string& service, const storage::entry& slice, bool leaves);

  const char* manager_;
  listener concerns_;
  std::unordered_map<std::string, mine> services_;      ///< by the service's key
  std::unordered_map<std::string, std::string> owners_; ///< the service of each slice
};

} // namespace troupe::service
