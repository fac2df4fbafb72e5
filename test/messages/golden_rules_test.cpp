// Recorded requests and answers of a real API server, as far as they follow from the object alone:
// the body is decoded, defaulted and validated, and the outcome compared. Cases that need a server
// (other objects, allocated values, admission) are passed over and counted.
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/kind.hpp"
#include "messages/schema/validate.hpp"
#include "test/support/golden.hpp"

#include <boost/test/unit_test.hpp>

#include <google/protobuf/message.h>

#include <map>
#include <optional>
#include <set>

BOOST_AUTO_TEST_SUITE(golden_rules_test)

using namespace troupe;
using google::protobuf::Message;

namespace {

/// Cases whose answer depends on more than the object.
const std::set<std::string> needs_server{
    "validation/service-nodeport-taken", // another service
    "validation/service-clusterip-range",
    "validation/kind-mismatch",
    "validation/apiversion-mismatch",
    "validation/pod-priority-explicit", // admission
    "update/no-version-crd",
    "update/nodeport-to-clusterip", // ports are given back before the update is judged
    "update/spec-put-keeps-status",
    "update/status-put-keeps-spec",
    "subresources/binding-collection",
    "subresources/csr-approval-spec-fixed", // the server keeps the spec
    "subresources/csr-masters",
};

/// What the server adds to objects of a kind before they are stored.
const std::map<std::string, std::set<std::string>> added_by_server{
    {"*",
     {"metadata.uid", "metadata.resourceVersion", "metadata.creationTimestamp",
      "metadata.generation"}},
    {"Pod",
     {"spec.tolerations", "spec.priority", "spec.preemptionPolicy", "spec.serviceAccountName",
      "spec.serviceAccount", "status.phase", "status.qosClass", "status.conditions"}},
    {"Service",
     {"spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy",
      "spec.healthCheckNodePort", "spec.ports[0].nodePort", "spec.ports[1].nodePort"}},
    {"PersistentVolumeClaim",
     {"metadata.finalizers", "spec.storageClassName", "spec.dataSourceRef"}},
    {"PersistentVolume", {"metadata.finalizers"}},
    {"DaemonSet", {"metadata.annotations"}},
    {"Node", {"spec.taints"}},
    {"Endpoints", {"metadata.labels"}},
    {"NetworkPolicy", {"status"}},
    {"CertificateSigningRequest", {"spec.username", "spec.groups", "spec.extra", "spec.uid"}},
    // Embedded objects name their kind in the answer.
    {"StatefulSet",
     {"spec.volumeClaimTemplates[0].kind", "spec.volumeClaimTemplates[0].apiVersion"}},
};

bool is_added(const std::string& kind, const std::string& path) {
  for (auto& key : {std::string("*"), kind}) {
    auto found = added_by_server.find(key);
    if (found != added_by_server.end() && found->second.contains(path)) return true;
  }
  return false;
}

/// The first difference, empty if `got` holds all that is `wanted`.
std::string difference(const json::value& wanted, const json::value* got, const std::string& kind,
                       const std::string& at) {
  if (is_added(kind, at)) return {};
  if (wanted.is_string() && wanted.as_string().starts_with("<")) return {};
  if (!got) return at + ": missing, wanted " + json::write(wanted);
  if (wanted.is_object()) {
    for (auto& [key, value] : wanted.as_object()) {
      auto found = difference(value, json::find(*got, key), kind,
                              at.empty() ? std::string(key) : at + "." + std::string(key));
      if (!found.empty()) return found;
    }
    return {};
  }
  if (wanted.is_array()) {
    if (!got->is_array() || got->as_array().size() != wanted.as_array().size())
      return at + ": wanted " + json::write(wanted) + ", got " + json::write(*got);
    for (size_t i = 0; i < wanted.as_array().size(); ++i) {
      auto found = difference(wanted.as_array()[i], &got->as_array()[i], kind,
                              at + "[" + std::to_string(i) + "]");
      if (!found.empty()) return found;
    }
    return {};
  }
  return wanted == *got ? ""
                        : at + ": wanted " + json::write(wanted) + ", got " + json::write(*got);
}

/// RFC 7396; enough for the recorded updates, whose strategic patches replace lists as a whole.
void merge(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object();
  for (auto& [key, value] : patch.as_object()) {
    if (value.is_null())
      target.as_object().erase(key);
    else
      merge(target.as_object()[key], value);
  }
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

/// "POST /apis/apps/v1/namespaces/ns/deployments/d/status" in parts.
struct request {
  std::string verb;
  std::string name, subresource;
  std::string name_space;
  const schema::kind* kind = nullptr;
};

std::optional<request> read_request(std::string_view line) {
  request r;
  auto space = line.find(' ');
  r.verb = line.substr(0, space);
  auto path = line.substr(space + 1);
  path = path.substr(0, path.find('?'));
  std::vector<std::string> parts;
  for (size_t at = 1; at <= path.size();) {
    auto slash = std::min(path.find('/', at), path.size());
    parts.emplace_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  size_t at = 0;
  std::string group, version;
  if (parts.size() > 2 && parts[0] == "api")
    version = parts[1], at = 2;
  else if (parts.size() > 3 && parts[0] == "apis")
    group = parts[1], version = parts[2], at = 3;
  else
    return {};
  if (parts[at] == "namespaces" && parts.size() > at + 2) r.name_space = parts[at + 1], at += 2;
  r.kind = schema::registry::built_in()->by_resource(group, version, parts[at]);
  if (parts.size() > at + 1) r.name = parts[at + 1];
  if (parts.size() > at + 2) r.subresource = parts[at + 2];
  if (!r.kind || !r.kind->prototype) return {};
  return r;
}

using object = std::unique_ptr<Message>;

/// What came of one step.
struct outcome {
  int code = 0;
  schema::causes causes;
  json::value body;
};

class replay {
public:
  /// Nothing if the step is not one that we can judge.
  std::optional<outcome> run(const request& r, const json::value& body) {
    if (r.verb == "POST" && r.subresource.empty() && r.name.empty()) return create(r, body);
    if ((r.verb == "PATCH" || r.verb == "PUT") &&
        (r.subresource.empty() || r.subresource == "status"))
      return change(r, body);
    return {};
  }

private:
  result<object> decode(const request& r, const json::value& body) {
    object made(r.kind->prototype->New());
    auto done = codec::from_json(json::write(body), *made);
    if (!done) return done.error();
    schema::set_defaults(*made);
    return made;
  }

  static void place(json::value& body, const request& r) {
    if (!body.is_object()) return;
    auto& meta = body.as_object()["metadata"];
    if (!meta.is_object()) meta = json::object();
    if (!r.name_space.empty()) meta.as_object()["namespace"] = r.name_space;
    if (meta.as_object().contains("generateName") && !meta.as_object().contains("name"))
      meta.as_object()["name"] =
          std::string(meta.as_object()["generateName"].as_string()) + "x2x4z";
  }

  outcome finish(const request& r, object made, schema::causes causes, int success) {
    outcome out{causes.empty() ? success : 422, std::move(causes), {}};
    auto text = codec::to_json(*made, {r.kind->api_version(), r.kind->name, {}});
    out.body = *json::parse(text);
    if (out.causes.empty()) {
      auto name = std::string(json::string_at(out.body, {"metadata", "name"}));
      stored_[r.kind->name + "/" + name] = std::move(made);
    }
    return out;
  }

  std::optional<outcome> create(const request& r, json::value body) {
    place(body, r);
    auto made = decode(r, body);
    if (!made) return outcome{400, {}, {}};
    auto causes = schema::validate_create(**made);
    return finish(r, std::move(*made), std::move(causes), 201);
  }

  std::optional<outcome> change(const request& r, json::value body) {
    auto found = stored_.find(r.kind->name + "/" + r.name);
    if (found == stored_.end()) return {};
    auto wanted =
        *json::parse(codec::to_json(*found->second, {r.kind->api_version(), r.kind->name, {}}));
    if (body.is_array()) return {}; // a JSON patch
    if (r.verb == "PUT")
      wanted = body;
    else
      merge(wanted, body);
    place(wanted, r);
    auto made = decode(r, wanted);
    if (!made) return outcome{400, {}, {}};
    auto causes = r.subresource == "status" ? schema::validate_status(**made, *found->second)
                                            : schema::validate_update(**made, *found->second);
    if (!causes.empty()) return outcome{422, std::move(causes), {}};
    return finish(r, std::move(*made), {}, 200);
  }

  std::map<std::string, object> stored_;
};

using cause_set = std::set<std::pair<std::string, std::string>>;

/// The causes that the answer names; without fields where the recorder left them out.
cause_set causes_of(const json::value& answer, bool& with_fields) {
  cause_set out;
  auto list = json::find(answer, {"details", "causes"});
  if (!list || !list->is_array()) return out;
  for (auto& c : list->as_array()) {
    with_fields = with_fields && json::find(c, "field");
    out.emplace(json::string_at(c, {"reason"}), json::string_at(c, {"field"}));
  }
  return out;
}

std::string show(const cause_set& causes) {
  std::string out;
  for (auto& [reason, field] : causes) out += "\n      " + reason + " " + field;
  return out;
}

std::string show_causes(const schema::causes& causes) {
  std::string out;
  for (auto& c : causes) out += "\n      " + c.reason + " " + c.field + ": " + c.message;
  return out;
}

struct tally {
  int judged = 0;
  int passed_over = 0;
};

/// How much of the outcome is compared.
enum class only : uint8_t { all, acceptance };

void check_step(const json::value& expect, const outcome& got, const std::string& kind, only what) {
  auto code = json::find(expect, "code");
  auto wanted_code = code ? static_cast<int>(code->as_int64()) : 0;
  if (what == only::acceptance) {
    BOOST_TEST(((wanted_code != 0 && wanted_code >= 300) || got.code < 300),
               "refused" << show_causes(got.causes));
    return;
  }
  BOOST_TEST(got.code == wanted_code);
  auto answer = json::find(expect, "body");
  if (!answer) return;
  if (wanted_code == 422) {
    bool with_fields = true;
    auto wanted = causes_of(*answer, with_fields);
    if (wanted.empty()) return;
    cause_set ours;
    for (auto& c : got.causes) ours.emplace(c.reason, with_fields ? c.field : "");
    BOOST_TEST((ours == wanted),
               "causes differ: wanted" << show(wanted) << "\n    got" << show(ours));
  } else if (wanted_code < 300 && got.code < 300) {
    auto found = difference(*answer, &got.body, kind, "");
    BOOST_TEST(found.empty(), found);
  }
}

void check_case(const std::string& text, tally& count, only what) {
  auto parsed = json::parse(replaced(replaced(text, "{ns}", "ns1"), "{uniq}", "x1"));
  BOOST_REQUIRE(parsed.has_value());
  replay server;
  for (auto& step : json::find(*parsed, "steps")->as_array()) {
    auto line = json::find(step, "request");
    auto body = json::find(step, "body");
    auto expect = json::find(step, "expect");
    auto r = line && body ? read_request(line->as_string()) : std::nullopt;
    auto code = expect ? json::find(*expect, "code") : nullptr;
    // Other failures than of the object itself are the server's to find.
    bool ours = r && (!code || code->as_int64() < 300 || code->as_int64() == 400 ||
                      code->as_int64() == 422);
    auto got = ours ? server.run(*r, *body) : std::nullopt;
    if (!got) {
      ++count.passed_over;
      return; // what follows builds on this step
    }
    ++count.judged;
    if (expect) check_step(*expect, *got, r->kind->name, what);
  }
}

void check_area(const char* area, only what = only::all) {
  auto folder = test::golden() / "cases" / area;
  if (!std::filesystem::exists(folder)) {
    BOOST_TEST_MESSAGE("skipped: no cases at " << folder);
    return;
  }
  tally count;
  std::set<std::filesystem::path> files;
  for (auto& file : std::filesystem::directory_iterator(folder)) files.insert(file.path());
  for (auto& file : files) {
    auto name = std::string(area) + "/" + file.stem().string();
    if (needs_server.contains(name)) {
      ++count.passed_over;
      continue;
    }
    BOOST_TEST_CONTEXT(name) { check_case(test::read_file(file), count, what); }
  }
  BOOST_TEST_MESSAGE(area << ": " << count.judged << " steps judged, " << count.passed_over
                          << " passed over");
  BOOST_TEST(count.judged > 0);
}

} // namespace

BOOST_AUTO_TEST_CASE(objects_get_the_defaults_that_a_real_server_gives_them) {
  check_area("defaults");
}

BOOST_AUTO_TEST_CASE(invalid_objects_are_refused_for_the_reasons_a_real_server_names) {
  check_area("validation");
}

BOOST_AUTO_TEST_CASE(updates_are_judged_as_a_real_server_judges_them) { check_area("update"); }

BOOST_AUTO_TEST_CASE(bodies_of_subresources_are_judged_as_a_real_server_judges_them) {
  check_area("subresources");
}

BOOST_AUTO_TEST_CASE(what_quotas_and_limits_refuse_is_valid_in_itself) { check_area("limits"); }

BOOST_AUTO_TEST_CASE(what_a_real_server_took_is_never_refused) {
  for (auto area : {"admission", "apply", "delete", "events", "list", "metadata", "namespaces",
                    "rbac", "table", "watch"})
    check_area(area, only::acceptance);
}

BOOST_AUTO_TEST_SUITE_END()
