#include "actors/node/volumes/volume_mounts.hpp"

#include "actors/node/files.hpp"
#include "actors/node/volumes/volume_writer.hpp"
#include "actors/volumes/binding.hpp"
#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/base/quantity.hpp"

#include <fcntl.h>
#include <ftw.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;
using namespace k8s::core::v1;

namespace {

std::optional<int64_t> group_of(const Pod& pod) {
  auto& s = pod.spec().security_context();
  return s.has_fs_group() ? std::optional<int64_t>(s.fs_group()) : std::nullopt;
}

/// Gives a tree to the pod's group, directories passing it on. Links are never followed.
void give_to_group(const fs::path& top, int64_t group, bool only_if_root_differs) {
  struct stat st {};
  auto gid = static_cast<gid_t>(group);
  if (lstat(top.c_str(), &st)) return;
  if (only_if_root_differs && st.st_gid == gid && (st.st_mode & 02070) == 02070) return;
  auto give = [&](const fs::path& at) {
    struct stat s {};
    descriptor fd(open(at.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || fstat(fd.get(), &s) || S_ISLNK(s.st_mode)) return;
    auto name = path_of(fd);
    (void)!chown(name.c_str(), static_cast<uid_t>(-1), gid);
    auto mode = (s.st_mode & 07777) | (S_ISDIR(s.st_mode) ? 02070 : 0060);
    chmod(name.c_str(), mode);
  };
  give(top);
  std::error_code bad;
  for (auto it = fs::recursive_directory_iterator(top, bad); it != fs::end(it); it.increment(bad)) {
    if (bad) return;
    give(it->path());
  }
}

/// The one size of huge pages that the pod's containers have.
result<quantity> page_size_of(const Pod& pod) {
  std::set<std::string> sizes;
  for (auto* list : {&pod.spec().containers(), &pod.spec().init_containers()})
    for (auto& c : *list)
      for (auto& [name, amount] : c.resources().limits())
        if (name.starts_with("hugepages-")) sizes.insert(name.substr(10));
  if (sizes.size() != 1)
    return error{errc::invalid, sizes.empty()
                                    ? "emptyDir of medium HugePages: no container has limits for "
                                      "hugepages-SIZE"
                                    : "emptyDir of medium HugePages: the pod has pages of several "
                                      "sizes; say which one, as HugePages-2Mi"};
  return quantity::parse(*sizes.begin());
}

/// What an emptyDir that is not on disk is made of.
struct memory_mount {
  const char* type;
  std::string options;
};
result<memory_mount> mount_of(const Pod& pod, const EmptyDirVolumeSource& source) {
  constexpr std::string_view huge = "HugePages", sized = "HugePages-";
  memory_mount out{"tmpfs", "mode=0777"};
  if (auto& medium = source.medium(); medium.starts_with(huge)) {
    auto page = medium == huge ? page_size_of(pod) : quantity::parse(medium.substr(sized.size()));
    if (!page) return page.error();
    out = {"hugetlbfs", "mode=0777,pagesize=" + std::to_string(page->value())};
  } else if (medium != "Memory") {
    return error{errc::not_implemented, "there is no emptyDir of medium " + medium};
  }
  if (auto size = quantity::parse(source.size_limit().string()); source.has_size_limit() && size)
    out.options += ",size=" + std::to_string(size->value());
  return out;
}

result<volume_place> make_empty_dir(const paths& where, const Pod& pod, const Volume& v) {
  auto& source = v.volume_source().empty_dir();
  if (source.medium().empty()) {
    auto at = where.pod_data(pod.metadata().uid()) / "volumes" / v.name();
    if (auto made = make_directories(at); !made) return made.error();
    chmod(at.c_str(), 0777);
    if (auto group = group_of(pod)) give_to_group(at, *group, true);
    return volume_place{at.string()};
  }
  auto made_of = mount_of(pod, source);
  if (!made_of) return made_of.error();
  auto at = where.pod(pod.metadata().uid()) / "volumes" / v.name();
  if (auto made = make_directories(at); !made) return made.error();
  if (mounts_below(at).empty() && mount(made_of->type, at.c_str(), made_of->type,
                                        MS_NOSUID | MS_NODEV, made_of->options.c_str()))
    return system_error("mount " + source.medium() + " at", at);
  if (auto group = group_of(pod)) give_to_group(at, *group, true);
  return volume_place{at.string()};
}

result<volume_place> find_claim(const Pod& pod, const std::string& name, bool read_only,
                                const facts& told) {
  auto claim =
      told.find<PersistentVolumeClaim>("persistentvolumeclaims", pod.metadata().namespace_(), name);
  if (!claim) return error{errc::not_found, "persistentvolumeclaim \"" + name + "\" not found"};
  if (claim->spec().volume_name().empty())
    return error{errc::unavailable, "persistentvolumeclaim \"" + name + "\" is not bound"};
  auto volume = told.find<PersistentVolume>("persistentvolumes", "", claim->spec().volume_name());
  if (!volume)
    return error{errc::not_found,
                 "persistentvolume \"" + claim->spec().volume_name() + "\" not found"};
  auto& source = volume->spec().persistent_volume_source();
  volume_place out;
  out.read_only = read_only;
  out.block_device = volume->spec().volume_mode() == "Block";
  if (source.has_host_path()) {
    out.path = source.host_path().path();
    // A directory that we make for a claim is for whoever its pods run as.
    if (!volumes::node_of_own(*volume).empty() && !fs::exists(out.path)) {
      if (auto made = make_directories(out.path); !made) return made.error();
      chmod(out.path.c_str(), 0777);
    }
    if (auto good = check_host_path(out.path, source.host_path().type()); !good)
      return good.error();
  } else if (source.has_local()) {
    out.path = source.local().path();
    if (!fs::exists(out.path))
      return error{errc::not_found, "local volume path \"" + out.path + "\" does not exist"};
  } else {
    return error{errc::not_implemented, "persistentvolume \"" + volume->metadata().name() +
                                            "\" is of a kind that this node cannot mount"};
  }
  if (auto group = group_of(pod); group && source.has_local() && !out.block_device)
    give_to_group(out.path, *group,
                  pod.spec().security_context().fs_group_change_policy() == "OnRootMismatch");
  return out;
}

fs::path objects_of(const paths& where, const Pod& pod, const Volume& v) {
  return where.objects() / pod.metadata().uid() / v.name();
}

result<volume_place> make_volume(const paths& where, const Pod& pod, const Volume& v,
                                 const facts& told, const node_view& node,
                                 const token_book& tokens) {
  auto& source = v.volume_source();
  if (is_made_of_objects(v)) {
    auto files = files_of(pod, v, told, node, tokens);
    if (!files) return files.error();
    auto at = objects_of(where, pod, v);
    if (auto done = write_volume(at, *files, group_of(pod)); !done) return done.error();
    return volume_place{at.string(), true};
  }
  if (source.has_host_path()) {
    auto& path = source.host_path().path();
    if (auto good = check_host_path(path, source.host_path().type()); !good) return good.error();
    return volume_place{path};
  }
  if (source.has_persistent_volume_claim())
    return find_claim(pod, source.persistent_volume_claim().claim_name(),
                      source.persistent_volume_claim().read_only(), told);
  if (source.has_ephemeral())
    return find_claim(pod, pod.metadata().name() + "-" + v.name(), false, told);
  if (source.has_git_repo())
    return error{errc::forbidden, "gitRepo volumes are not served: they run code of their authors"};
  if (source.has_empty_dir() || source.ByteSizeLong() == 0) return make_empty_dir(where, pod, v);
  return error{errc::not_implemented, "a volume of a kind that this node cannot mount"};
}

bool is_kind(const std::string& type, mode_t mode) {
  return (type == "Directory" && S_ISDIR(mode)) || (type == "DirectoryOrCreate" && S_ISDIR(mode)) ||
         (type == "File" && S_ISREG(mode)) || (type == "FileOrCreate" && S_ISREG(mode)) ||
         (type == "Socket" && S_ISSOCK(mode)) || (type == "CharDevice" && S_ISCHR(mode)) ||
         (type == "BlockDevice" && S_ISBLK(mode));
}

} // namespace

result<void> check_host_path(const std::string& path, const std::string& type) {
  struct stat st {};
  bool there = stat(path.c_str(), &st) == 0;
  if (!there && (type == "DirectoryOrCreate" || type.empty())) return make_directories(path, 0755);
  if (!there && type == "FileOrCreate") {
    if (auto made = make_directories(fs::path(path).parent_path()); !made) return made;
    descriptor made(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    return made ? result<void>{} : system_error("create", path);
  }
  if (!there)
    return error{errc::not_found, "hostPath type check failed: " + path + " does not exist"};
  if (!type.empty() && !is_kind(type, st.st_mode))
    return error{errc::invalid, "hostPath type check failed: " + path + " is not a " + type};
  return {};
}

result<volume_places> prepare_pod_volumes(const paths& where, const Pod& pod, const facts& told,
                                          const node_view& node, const token_book& tokens) {
  volume_places out;
  for (auto& v : pod.spec().volumes()) {
    auto made = make_volume(where, pod, v, told, node, tokens);
    if (!made) {
      auto why = made.error();
      auto known = std::string("MountVolume.SetUp failed for volume \"") + v.name() + "\"";
      return why.message.starts_with(known) ? why : with_context(std::move(why), known);
    }
    out[v.name()] = std::move(*made);
  }
  return out;
}

result<void> refresh_pod_volumes(const paths& where, const Pod& pod, const facts& told,
                                 const node_view& node, const token_book& tokens) {
  for (auto& v : pod.spec().volumes())
    if (is_made_of_objects(v))
      if (auto made = make_volume(where, pod, v, told, node, tokens); !made) return made.error();
  return {};
}

namespace {

/// Opens a path below a volume, making directories that are missing; nothing leads outside.
result<descriptor> open_sub_path(const std::string& volume, const std::string& path) {
  auto root = open_directory(volume);
  if (!root) return root.error();
  auto there = open_in_root(root->get(), path, O_PATH);
  if (there || there.error().code != errc::not_found) return there;
  return make_directory_in_root(root->get(), path, 0750);
}

result<std::string> mount_sub_path(const volume_place& in, const std::string& path,
                                   const fs::path& at) {
  auto source = open_sub_path(in.path, path);
  if (!source) return with_context(source.error(), "subPath \"" + path + "\"");
  struct stat st {};
  if (fstat(source->get(), &st)) return system_error("look at", path);
  if (S_ISDIR(st.st_mode)) {
    if (auto made = make_directories(at); !made) return made.error();
  } else {
    if (auto made = make_directories(at.parent_path()); !made) return made.error();
    descriptor file(open(at.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  if (mount(path_of(*source).c_str(), at.c_str(), nullptr, MS_BIND | MS_REC, nullptr))
    return system_error("mount the subPath at", at);
  return at.string();
}

} // namespace

result<std::vector<runtime::mount>> container_mounts(const volume_places& places,
                                                     const Container& of,
                                                     const environment_list& env,
                                                     const fs::path& bundle) {
  std::vector<runtime::mount> out;
  int number = 0;
  for (auto& m : of.volume_mounts()) {
    auto hit = places.find(m.name());
    if (hit == places.end())
      return error{errc::bad_request, "the pod has no volume \"" + m.name() + "\""};
    auto source = hit->second.path;
    auto sub = m.sub_path_expr().empty() ? m.sub_path() : expand(m.sub_path_expr(), env);
    if (!m.sub_path_expr().empty() && (sub.find("..") != sub.npos || sub.starts_with("/")))
      return error{errc::invalid,
                   "subPathExpr \"" + m.sub_path_expr() + "\" leads outside its volume"};
    if (!sub.empty()) {
      auto mounted = mount_sub_path(hit->second, sub, bundle / "sub" / std::to_string(number++));
      if (!mounted) return mounted.error();
      source = *mounted;
    }
    auto spread = m.mount_propagation() == "Bidirectional"     ? "rshared"
                  : m.mount_propagation() == "HostToContainer" ? "rslave"
                                                               : "rprivate";
    auto destination = m.mount_path().starts_with("/") ? m.mount_path() : "/" + m.mount_path();
    out.push_back({destination,
                   "bind",
                   source,
                   {"rbind", spread, m.read_only() || hit->second.read_only ? "ro" : "rw"}});
  }
  return out;
}

void remove_pod_volumes(const paths& where, const std::string& uid) {
  for (auto& point : mounts_below(where.pod(uid))) unmount(point);
  remove_tree(where.objects() / uid);
}

} // namespace troupe::node
