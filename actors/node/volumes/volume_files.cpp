#include "actors/node/volumes/volume_files.hpp"

#include "messages/api/config.pb.h"
#include "messages/base/names.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

using namespace k8s::core::v1;

constexpr size_t volume_bytes_max = 64 << 20;   ///< of all files of one volume
constexpr int64_t token_age_max = 24 * 60 * 60; ///< in seconds

struct collector {
  const Pod& pod;
  const facts& told;
  const node_view& node;
  const token_book& tokens;
  uint32_t default_mode = 0644;
  volume_files out;
  size_t bytes = 0;

  result<void> put(const std::string& path, std::string contents, uint32_t mode) {
    // Checked when the object was stored; a name from outside is not trusted twice.
    if (!names::relative_path(path).empty() || path.empty())
      return error{errc::invalid, "\"" + path + "\" is no path inside a volume"};
    if ((bytes += contents.size()) > volume_bytes_max)
      return error{errc::too_large, "the volume would hold more than " +
                                        std::to_string(volume_bytes_max) + " bytes"};
    out[path] = {std::move(contents), mode};
    return {};
  }

  template<class Values, class Items>
  result<void> put_values(const char* kind, const std::string& name, const Values& values,
                          const Items& items, bool optional) {
    if (items.empty()) {
      for (auto& [key, value] : values)
        if (auto done = put(key, value, default_mode); !done) return done;
      return {};
    }
    for (auto& item : items) {
      auto hit = values.find(item.key());
      if (hit == values.end()) {
        if (optional) continue;
        return error{errc::not_found, std::string(kind) + " " + name +
                                          " references non-existent key: " + item.key()};
      }
      auto mode = item.has_mode() ? static_cast<uint32_t>(item.mode()) : default_mode;
      if (auto done = put(item.path(), hit->second, mode); !done) return done;
    }
    return {};
  }

  template<class Source> result<void> add_config_map(const Source& from, const std::string& name) {
    auto map = told.find<ConfigMap>("configmaps", pod.metadata().namespace_(), name);
    if (!map) {
      if (from.optional()) return {};
      return error{errc::not_found, "configmap \"" + name + "\" not found"};
    }
    std::map<std::string, std::string> values(map->data().begin(), map->data().end());
    for (auto& [key, value] : map->binary_data()) values[key] = value;
    return put_values("configmap", name, values, from.items(), from.optional());
  }

  template<class Source> result<void> add_secret(const Source& from, const std::string& name) {
    auto secret = told.find<Secret>("secrets", pod.metadata().namespace_(), name);
    if (!secret) {
      if (from.optional()) return {};
      return error{errc::not_found, "secret \"" + name + "\" not found"};
    }
    std::map<std::string, std::string> values(secret->data().begin(), secret->data().end());
    return put_values("secret", name, values, from.items(), from.optional());
  }

  template<class Source> result<void> add_downward(const Source& from) {
    for (auto& item : from.items()) {
      auto value = item.has_field_ref() ? field_value(pod, node, item.field_ref().field_path())
                                        : resource_value(pod, node, item.resource_field_ref(), {});
      if (!value) return value.error();
      auto mode = item.has_mode() ? static_cast<uint32_t>(item.mode()) : default_mode;
      if (auto done = put(item.path(), std::move(*value), mode); !done) return done;
    }
    return {};
  }

  result<void> add_token(const ServiceAccountTokenProjection& from) {
    auto hit = tokens.find(
        {from.audience(), from.expiration_seconds() ? from.expiration_seconds() : 3600});
    if (hit == tokens.end())
      return error{errc::unavailable, "the token of service account \"" +
                                          pod.spec().service_account_name() +
                                          "\" has not come yet"};
    // For the pod's user alone, whoever that is: 0600, or by the group that owns its volumes.
    auto mode = pod.spec().security_context().has_fs_group() ? 0640u
                : default_mode == 0644                       ? 0644u
                                                             : default_mode;
    return put(from.path(), hit->second.token, mode);
  }

  result<void> add(const VolumeProjection& part) {
    if (part.has_config_map())
      return add_config_map(part.config_map(), part.config_map().local_object_reference().name());
    if (part.has_secret())
      return add_secret(part.secret(), part.secret().local_object_reference().name());
    if (part.has_downward_api()) return add_downward(part.downward_api());
    if (part.has_service_account_token()) return add_token(part.service_account_token());
    return error{errc::not_implemented, "a projection of a kind that is not there yet"};
  }

  result<void> add(const VolumeSource& source) {
    auto take_mode = [&](auto& from) {
      if (from.has_default_mode()) default_mode = static_cast<uint32_t>(from.default_mode());
    };
    if (source.has_config_map()) {
      take_mode(source.config_map());
      return add_config_map(source.config_map(),
                            source.config_map().local_object_reference().name());
    }
    if (source.has_secret()) {
      take_mode(source.secret());
      return add_secret(source.secret(), source.secret().secret_name());
    }
    if (source.has_downward_api()) {
      take_mode(source.downward_api());
      return add_downward(source.downward_api());
    }
    take_mode(source.projected());
    for (auto& part : source.projected().sources())
      if (auto done = add(part); !done) return done;
    return {};
  }
};

} // namespace

std::set<token_request> tokens_of(const Pod& pod) {
  std::set<token_request> out;
  for (auto& v : pod.spec().volumes())
    for (auto& part : v.volume_source().projected().sources())
      if (part.has_service_account_token()) {
        auto& t = part.service_account_token();
        out.insert({t.audience(), t.expiration_seconds() ? t.expiration_seconds() : 3600});
      }
  return out;
}

int64_t refresh_time(int64_t issued_at, int64_t expires_at) {
  return issued_at + std::min((expires_at - issued_at) * 4 / 5, token_age_max);
}

bool is_made_of_objects(const Volume& volume) {
  auto& s = volume.volume_source();
  return s.has_config_map() || s.has_secret() || s.has_downward_api() || s.has_projected();
}

result<volume_files> files_of(const Pod& pod, const Volume& volume, const facts& told,
                              const node_view& node, const token_book& tokens) {
  collector all{pod, told, node, tokens};
  if (auto done = all.add(volume.volume_source()); !done)
    return with_context(done.error(),
                        "MountVolume.SetUp failed for volume \"" + volume.name() + "\"");
  return std::move(all.out);
}

} // namespace troupe::node
