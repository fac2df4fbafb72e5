// YAML to JSON and back: what scalars mean, where faults are, and what hostile texts cost.
#include "messages/base/json.hpp"
#include "messages/codec/manifest.hpp"
#include "messages/codec/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

BOOST_AUTO_TEST_SUITE(yaml_test)

using namespace troupe;

namespace {

std::string json_of(std::string_view text) {
  auto read = yaml::to_json(text);
  if (!read) return "error: " + read.error().message;
  std::string out;
  for (auto& d : *read) out += (out.empty() ? "" : " ") + d.json;
  return out;
}

struct row {
  const char* yaml;
  const char* json;
};

std::string repeated(std::string_view piece, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += piece;
  return out;
}

std::string nested_flow(size_t depth) { return repeated("[", depth) + repeated("]", depth); }

bool refused(std::string_view text, std::string_view why) {
  auto read = yaml::to_json(text);
  return !read && read.error().message.find(why) != std::string::npos;
}

/// Runs `what` and says whether it was quick, with room for slow machines and sanitizers.
template<class F> bool quick(F what, std::chrono::milliseconds most) {
  auto start = std::chrono::steady_clock::now();
  what();
  return std::chrono::steady_clock::now() - start < most * 20;
}

} // namespace

BOOST_AUTO_TEST_CASE(plain_scalars_mean_what_kubectl_takes_them_for) {
  const row rows[] = {
      {"a: 1", R"({"a":1})"},
      {"a: yes", R"({"a":true})"},
      {"a: off", R"({"a":false})"},
      {"a: 'yes'", R"({"a":"yes"})"},
      {"a: \"1\"", R"({"a":"1"})"},
      {"a: !!str 1", R"({"a":"1"})"},
      {"a: 0644", R"({"a":420})"},
      {"a: 0o644", R"({"a":420})"},
      {"a: 0x1F", R"({"a":31})"},
      {"a: 1_000", R"({"a":1000})"},
      {"a: +5", R"({"a":5})"},
      {"a: .5", R"({"a":0.5})"},
      {"a: 1e3", R"({"a":1e3})"},
      {"a: 18446744073709551616", R"({"a":18446744073709551616})"},
      {"a: 1.2.3", R"({"a":"1.2.3"})"},
      {"a: 10m", R"({"a":"10m"})"},
      {"a: 2020-01-01", R"({"a":"2020-01-01"})"},
      {"a: ~", R"({"a":null})"},
      {"a:", R"({"a":null})"},
      {"8080: a", R"({"8080":"a"})"},
      {"on: push", R"({"on":"push"})"},
      {"a: |\n  x\n  y\n", R"({"a":"x\ny\n"})"},
      {"a: >-\n  x\n  y\n", R"({"a":"x y"})"},
      {"# only a comment\n---\na: 1 # one\n---\n---\nb: 2\n", R"({"a":1} {"b":2})"},
      {"{a: 1, b: [x, 'y',],}", R"({"a":1,"b":["x","y"]})"}, // KYAML
      {"a: {}\nb: []", R"({"a":{},"b":[]})"},
  };
  for (auto& r : rows) BOOST_TEST(json_of(r.yaml) == r.json, r.yaml << " gave " << json_of(r.yaml));
}

BOOST_AUTO_TEST_CASE(anchors_and_merge_keys_repeat_values_and_never_override) {
  const row rows[] = {
      {"a: &x {k: 1}\nb: *x", R"({"a":{"k":1},"b":{"k":1}})"},
      {"a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3", R"({"a":{"k":1,"l":2},"b":{"k":3,"l":2}})"},
      {"a: &x {k: 1}\nb: &y {k: 2, m: 4}\nc:\n  <<: [*x, *y]",
       R"({"a":{"k":1},"b":{"k":2,"m":4},"c":{"k":1,"m":4}})"},
      {"'<<': 1", R"({"<<":1})"},
  };
  for (auto& r : rows) BOOST_TEST(json_of(r.yaml) == r.json, r.yaml << " gave " << json_of(r.yaml));
  BOOST_TEST(refused("a:\n  <<: 3", "<< takes a map"));
}

BOOST_AUTO_TEST_CASE(hostile_11_an_alias_bomb_is_refused_early) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string(i ? ",*" : "*") + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  BOOST_TEST(quick([&] { BOOST_TEST(refused(bomb, "alias expansion exceeds limit")); },
                   std::chrono::milliseconds(50)));
}

BOOST_AUTO_TEST_CASE(hostile_12_a_cycle_is_refused) {
  BOOST_TEST(refused("a: &a [*a]", "inside the value"));
  BOOST_TEST(refused("a: &a\n  b: *a", "inside the value"));
}

BOOST_AUTO_TEST_CASE(hostile_13_depth_is_bounded) {
  BOOST_TEST(yaml::to_json("a: " + nested_flow(400)).has_value());
  BOOST_TEST(refused("a: " + nested_flow(510), "nested too deep"));
  BOOST_TEST(quick([&] { BOOST_TEST(!yaml::to_json(nested_flow(100'000))); },
                   std::chrono::milliseconds(200)));
  std::string block;
  for (size_t i = 0; i < 2000; ++i) block += std::string(i, ' ') + "a:\n";
  BOOST_TEST(!yaml::to_json(block));
}

BOOST_AUTO_TEST_CASE(hostile_16_bytes_that_are_no_text_are_refused) {
  BOOST_TEST(refused("a: \xff", "UTF-8"));
  BOOST_TEST(refused("a: \xed\xa0\x80", "UTF-8"));
  BOOST_TEST(refused(std::string_view("a: \0", 4), "UTF-8"));
  BOOST_TEST(refused("a: .inf", "cannot be said"));
  BOOST_TEST(json_of("\xef\xbb\xbf"
                     "a: 1") == R"({"a":1})");
}

BOOST_AUTO_TEST_CASE(a_stray_comma_does_not_hang_the_reader) {
  // It made empty documents for ever.
  BOOST_TEST(refused("\t\t,\t\t", "documents"));
}

BOOST_AUTO_TEST_CASE(faults_name_line_and_column) {
  BOOST_TEST(refused("a: 1\n  b: 2", "line 2, column"));
  BOOST_TEST(refused("a: [1, 2", "line "));
  BOOST_TEST(refused("? {a: 1}\n: 2", "a key must be"));
}

BOOST_AUTO_TEST_CASE(block_style_reads_back_as_the_same_json) {
  const char* texts[] = {
      R"({"a":"true","b":true,"c":"1","d":1,"e":"","f":null,"g":"null","h":"0x1f","i":"1.5","j":"~"})",
      R"({"a":"x: y","b":"# no","c":"- no","d":"-no","e":"'","f":"\"","g":"a'b: c","h":"*x","i":"@x","j":" x","k":"x "})",
      R"({"a":"line\nline\n","b":"line\nline","c":"line\n\n","d":"\n","e":" x\ny","f":"tab\tand\u0001","g":"a\n\nb\n","h":"\nx"})",
      R"({"a":[],"b":{},"c":[[1,2],[]],"d":[{"x":1,"y":[{"z":null}]}],"e":[{}]})",
      R"({"yes":1,"1":2,"a b":3,"":4,"x: y":5,"2020-01-01":"2020-01-01"})",
      R"({"u":"grüße \u2028 日本","v":"---","w":"...","x":"=","y":"<<","z":"a:"})",
  };
  for (auto text : texts) {
    auto yaml = yaml::from_json(text);
    BOOST_REQUIRE(yaml.has_value());
    auto back = yaml::to_json(*yaml);
    BOOST_REQUIRE_MESSAGE(back.has_value(), *yaml);
    BOOST_TEST((*json::parse(back->at(0).json) == *json::parse(text)), text << "\n"
                                                                            << *yaml
                                                                            << back->at(0).json);
  }
}

BOOST_AUTO_TEST_CASE(block_style_looks_like_kubectl) {
  auto text = yaml::from_json(
      R"({"kind":"Pod","apiVersion":"v1","spec":{"containers":[{"name":"a","args":["x","y"]}],"on":true}})");
  BOOST_TEST(*text == "apiVersion: v1\n"
                      "kind: Pod\n"
                      "spec:\n"
                      "  containers:\n"
                      "  - args:\n"
                      "    - x\n"
                      "    - \"y\"\n"
                      "    name: a\n"
                      "  \"on\": true\n");
}

namespace {

/// The findings of `text` as "line:column field reason suggestion", one a line.
std::string findings(std::string_view text) {
  auto read = codec::read_manifests(text);
  auto all = read.findings;
  for (auto& m : read.objects)
    for (auto& f : codec::validate_manifest(m)) all.push_back(f);
  std::string out;
  for (auto& f : all)
    out += std::to_string(f.at.line) + ":" + std::to_string(f.at.column) + " " + f.field + " " +
           f.reason + (f.suggestion.empty() ? "" : " " + f.suggestion) + "\n";
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(findings_say_where_and_what_was_meant) {
  BOOST_TEST(findings("apiVersion: apps/v1\n"
                      "kind: Deployment\n"
                      "metadata:\n"
                      "  name: web\n"
                      "spec:\n"
                      "  replica: 3\n"
                      "  selector: {matchLabels: {app: web}}\n"
                      "  template:\n"
                      "    metadata: {labels: {app: web}}\n"
                      "    spec:\n"
                      "      containers:\n"
                      "      - name: web\n"
                      "        image: nginx\n"
                      "        ports:\n"
                      "        - containerPort: 99999\n") ==
             "6:3 spec.replica UnknownField did you mean \"replicas\"?\n"
             "15:26 spec.template.spec.containers[0].ports[0].containerPort FieldValueInvalid\n");
}

BOOST_AUTO_TEST_CASE(a_deployment_of_v1_is_told_where_deployments_live) {
  BOOST_TEST(findings("apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\n") ==
             "1:13 apiVersion UnknownKind did you mean \"apiVersion: apps/v1\"?\n");
}

BOOST_AUTO_TEST_CASE(a_boolean_in_an_env_list_is_to_be_quoted) {
  BOOST_TEST(findings("apiVersion: v1\n"
                      "kind: Pod\n"
                      "metadata: {name: a}\n"
                      "spec:\n"
                      "  containers:\n"
                      "  - name: a\n"
                      "    image: b\n"
                      "    env:\n"
                      "    - name: X\n"
                      "      value: true\n") ==
             "10:14 spec.containers[0].env[0].value FieldValueTypeInvalid put it in quotes: value: "
             "\"true\"\n");
}

BOOST_AUTO_TEST_CASE(hostile_14_duplicate_keys_are_found_with_their_path) {
  BOOST_TEST(findings("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\n") ==
             "5:3 metadata.name DuplicateField\n");
}

BOOST_AUTO_TEST_CASE(lists_are_taken_apart_and_keep_their_lines) {
  BOOST_TEST(findings("apiVersion: v1\nkind: List\nitems:\n"
                      "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: A_b}\n") ==
             "6:20 metadata.name FieldValueInvalid\n");
  auto read = codec::read_manifests("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: "
                                    "ConfigMap\n  metadata: {name: a}\n");
  BOOST_REQUIRE(read.objects.size() == 1u);
  BOOST_TEST(read.objects[0].name == "a");
}

BOOST_AUTO_TEST_SUITE_END()
