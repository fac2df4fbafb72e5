#include "actors/node/images/watch.hpp"

#include "actors/node/directory_watch.hpp"
#include "actors/node/images/import.hpp"
#include "actors/node/images/reference.hpp"
#include "actors/node/node_status.hpp"
#include "messages/base/log.hpp"

#include <sys/inotify.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

/// Names of the settings' directory and of what is in it come from this machine's operator; what is
/// in the files is not trusted.
class image_watch : public std::enable_shared_from_this<image_watch> {
public:
  explicit image_watch(const context_ptr& with)
      : with_{with}, directory_{with->given.image_watch_directory} {}

  void start(const context_ptr& with) {
    watch_directory(with->loop.context, directory_, IN_CLOSE_WRITE | IN_MOVED_TO,
                    [me = shared_from_this()](const std::string& name) {
                      if (!name.empty()) me->take(me->directory_ / name);
                    });
    std::error_code bad;
    for (auto& e : fs::directory_iterator(directory_, bad))
      if (e.is_regular_file(bad)) take(e.path());
  }

private:
  void take(const fs::path& file) {
    auto name = file.filename().string();
    if (name.starts_with(".")) return; // still being written by a careful copier
    auto with = with_.lock();
    if (!with) return;
    with->pulls.run([with, file] {
      std::error_code bad;
      if (!fs::is_regular_file(fs::symlink_status(file, bad))) return;
      auto in = import_images(with->images, file);
      if (!in)
        return log::warn("node", "an image archive cannot be imported",
                         {{"file", file.string()}, {"why", in.error().message}});
      for (auto& image : *in)
        log::info("node", "an image was imported",
                  {{"file", file.string()},
                   {"image", image->names.empty() ? image->id : image->names.back()}});
    });
  }

  std::weak_ptr<context> with_;
  fs::path directory_;
};

/// Whoever changes what is here, this node or `troupe image`, replaces the index: then the node's
/// status tells of it.
void tell_of_changes(const context_ptr& with) {
  watch_directory(with->loop.context, with->where.images(), IN_MOVED_TO,
                  [weak = std::weak_ptr(with)](const std::string& name) {
                    auto with = weak.lock();
                    if (!with || (name != image_index_file && !name.empty())) return;
                    with->work.run([with] {
                      tell_node_status(*with);
                      collect_images(*with); // what came may have filled the disk
                    });
                  });
}

/// Those that containers have, and those that pods ask for.
std::set<std::string> needed_images(const context& with) {
  std::set<std::string> out;
  auto need = [&](const std::string& name) {
    if (auto held = with.images.find(name)) out.insert(held->id);
  };
  for (auto& card : with.cards()) {
    for (auto& c : card->containers) need(c.image_id);
    for (auto* list : {&card->pod->spec().containers(), &card->pod->spec().init_containers()})
      for (auto& c : *list)
        if (auto name = parse_reference(c.image())) need(name->text());
  }
  return out;
}

} // namespace

void collect_images(context& with) {
  std::lock_guard alone(with.garbage_mutex);
  std::error_code bad;
  auto disk = fs::space(with.where.data, bad);
  if (bad) return;
  auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  auto go = with.garbage.look(with.images.all(), needed_images(with),
                              {disk.capacity, disk.available}, now);
  for (auto& id : go) {
    auto held = with.images.find(id);
    if (!held) continue;
    log::info("node", "an image that nothing needs goes: the disk is too full",
              {{"image", held->names.empty() ? id : held->names.front()}, {"bytes", held->bytes}});
    (void)with.images.remove(id);
  }
}

void watch_images(const context_ptr& with) {
  tell_of_changes(with);
  if (with->given.image_watch_directory.empty()) return;
  if (auto made = make_directories(with->given.image_watch_directory); !made)
    return log::warn("node", "no images are imported", {{"why", made.error().message}});
  std::make_shared<image_watch>(with)->start(with);
}

} // namespace troupe::node
