// `troupe explain`: what a kind is for and which fields it has. Built-in kinds are explained
// without a cluster; it is asked about the rest.
#include "messages/schema/explain.hpp"

#include "bin/verbs/explain.hpp"
#include "bin/verbs/verbs.hpp"
#include "messages/api/apiextensions.pb.h"
#include "messages/codec/json_decode.hpp"
#include "messages/schema/custom.hpp"

namespace troupe::verbs {

namespace {

using registry_ptr = std::shared_ptr<const schema::registry>;

/// With the custom kinds of the cluster, if it can be asked.
registry_ptr all_kinds(session& s) {
  auto list = s.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
  auto items = list ? json::find(*list, "items") : nullptr;
  std::vector<schema::kind> all;
  if (items && items->is_array())
    for (auto& item : items->get_array()) {
      k8s::apiextensions::v1::CustomResourceDefinition d;
      if (!codec::from_json(json::write(item), d)) continue;
      for (auto& k : schema::custom_kinds(d)) all.push_back(std::move(k));
    }
  return all.empty() ? schema::registry::built_in() : schema::registry::with(std::move(all));
}

/// Those that know the kind in front of the first dot.
registry_ptr kinds_for(session& s, std::string_view what) {
  auto known = schema::registry::built_in();
  return known->by_word(what.substr(0, what.find('.'))) ? known : all_kinds(s);
}

int run_explain(session& s, const arguments& given) {
  if (given.words.size() != 1)
    return s.fail({errc::bad_request, "name one kind or field: explain deployment.spec"});
  auto& what = given.words[0];
  auto text = schema::explain(*kinds_for(s, what), what, given.has("recursive"));
  if (!text) return s.fail(text.error());
  if (given.get("output") == "json")
    s.print_line(json::write(json::object{{"name", what}, {"text", *text}}));
  else
    s.print(*text);
  return done;
}

} // namespace

std::vector<std::string> complete_field(session& s, const std::string& begun) {
  return schema::fields_below(*kinds_for(s, begun), begun.substr(0, begun.rfind('.')));
}

const verb explain_verb{
    "explain",
    "Look",
    "say what a kind or a field is for",
    "KIND[.FIELD...] [flags]",
    {{"recursive", 0, "", "all fields below, without descriptions"},
     {"output", 'o', "FORM", "json"}},
    "explain deployment\nexplain pods.spec.containers.livenessProbe\nexplain cronjob --recursive",
    run_explain};

} // namespace troupe::verbs
