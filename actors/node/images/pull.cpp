#include "actors/node/images/pull.hpp"

#include "actors/node/files.hpp"
#include "actors/node/images/digest.hpp"
#include "actors/node/images/reference.hpp"
#include "actors/node/programs.hpp"

namespace troupe::node {

namespace {

constexpr std::chrono::minutes pull_patience{30};

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  auto at = text.rfind('\n');
  return at == text.npos ? text : text.substr(at + 1);
}

} // namespace

std::string merge_credentials(const std::vector<std::string>& configs) {
  json::object auths;
  for (auto& text : configs) {
    auto config = json::parse(text);
    if (!config || !config->is_object()) continue;
    auto inner = json::find(*config, "auths");
    auto& list = inner && inner->is_object() ? inner->get_object() : config->get_object();
    for (auto& [registry, login] : list)
      if (login.is_object() && !auths.contains(registry)) auths[registry] = login;
  }
  return json::write(json::value(json::object{{"auths", std::move(auths)}}));
}

image_puller::image_puller(image_store& store, pool& threads, pull_settings given)
    : store_{store}, threads_{threads}, given_{std::move(given)} {}

std::optional<image_answer> image_puller::look(const image_wanted& what) const {
  auto name = parse_reference(what.name);
  if (!name) {
    // An id of an image that is here is a name, too.
    if (auto held = store_.find(what.name)) return image_answer{held};
    return image_answer{{},
                        false,
                        "InvalidImageName",
                        "Failed to apply default image tag \"" + what.name +
                            "\": " + name.error().message};
  }
  auto held = store_.find(name->text());
  if (!held && !name->digest.empty()) held = store_.find(name->name() + "@" + name->digest);
  auto policy = what.policy.empty() ? default_pull_policy(*name) : what.policy;
  // What was put here by hand is what was meant: no registry knows better.
  if (held && (policy != "Always" || !held->pulled)) return image_answer{held};
  if (policy == "Never")
    return image_answer{{},
                        false,
                        "ErrImageNeverPull",
                        "Container image \"" + what.name +
                            "\" is not present with pull policy of Never"};
  return std::nullopt;
}

void image_puller::pull(const image_wanted& what, std::function<void(const image_answer&)> done) {
  auto key = what.name + "\n" + merge_credentials(what.credentials);
  std::lock_guard lock(mutex_);
  auto& queue = waiting_[key];
  queue.push_back(std::move(done));
  if (queue.size() > 1) return;
  threads_.run([this, what, key] {
    auto answer = pull_now(what);
    std::unique_lock lock(mutex_);
    auto all = std::move(waiting_[key]);
    waiting_.erase(key);
    lock.unlock();
    for (auto& call : all) call(answer);
  });
}

image_answer image_puller::pull_now(const image_wanted& what) {
  auto name = parse_reference(what.name);
  auto failed = [&](const std::string& why) {
    return image_answer{{}, false, "ErrImagePull", why};
  };
  if (!name) return failed(name.error().message);
  auto hold = store_.hold();
  auto work = store_.work_directory();
  if (!work) return failed(work.error().message);
  auto answer = [&]() -> image_answer {
    std::vector<std::string> words{given_.skopeo, "copy", "--insecure-policy",
                                   "--dest-shared-blob-dir", store_.blobs().parent_path().string()};
    if (!given_.progress) words.push_back("--quiet");
    if (!given_.registries_file.empty()) {
      words.insert(words.begin() + 1, given_.registries_file.string());
      words.insert(words.begin() + 1, "--registries-conf");
    }
    auto auth = *work / "auth.json";
    if (auto done = write_file(auth, merge_credentials(what.credentials), 0600); !done)
      return failed(done.error().message);
    words.insert(words.end(), {"--authfile", auth.string()});
    // A digest says it all; skopeo wants no tag beside it.
    auto source = name->digest.empty() ? name->text() : name->name() + "@" + name->digest;
    words.insert(words.end(), {"docker://" + source, "oci:" + (*work / "image").string() + ":it"});
    auto ran = run_program(words, pull_patience, {}, given_.progress);
    if (!ran) return failed(ran.error().message);
    if (ran->exit_code != 0) return failed(one_line(ran->output));
    auto text = read_file(*work / "image" / "index.json", manifest_bytes_max);
    auto index = text ? json::parse(*text) : result<json::value>(text.error());
    if (!index) return failed(index.error().message);
    auto list = json::find(*index, "manifests");
    if (!list || !list->is_array() || list->get_array().empty())
      return failed("skopeo has left no manifest");
    auto digest = std::string(json::string_at(list->get_array()[0], {"digest"}));
    auto added = store_.add(name->text(), digest, true);
    if (!added) return failed(added.error().message);
    return {*added, true, {}, {}};
  }();
  remove_tree(*work);
  return answer;
}

} // namespace troupe::node
