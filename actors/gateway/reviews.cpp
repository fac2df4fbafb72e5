#include "actors/gateway/reviews.hpp"

#include "actors/gateway/authorization.hpp"
#include "actors/gateway/rbac_reason.hpp"
#include "actors/gateway/service_account.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/authentication.pb.h"
#include "messages/api/authorization.pb.h"

#include <algorithm>
#include <set>

namespace troupe::gateway {

namespace {

namespace authz = k8s::authorization::v1;
namespace authn = k8s::authentication::v1;

attributes from(const authz::ResourceAttributes& r) {
  return {.verb = r.verb(),
          .group = r.group(),
          .version = r.version(),
          .plural = r.resource(),
          .subresource = r.subresource(),
          .name = r.name(),
          .ns = r.namespace_()};
}

attributes from(const authz::NonResourceAttributes& r) {
  return {.verb = r.verb(), .resource = false, .path = r.path()};
}

void set_user(authn::UserInfo& to, const user& who) {
  to.set_username(who.name);
  if (!who.uid.empty()) to.set_uid(who.uid);
  for (auto& g : who.groups) to.add_groups(g);
  for (auto& [key, values] : who.extra)
    for (auto& v : values) (*to.mutable_extra())[key].add_items(v);
}

cause wrong(std::string field, std::string why) {
  return {"FieldValueInvalid", "Invalid value: \"\": " + why, std::move(field)};
}

/// What is looked for must be said in one way. Operators that are not known here may be known
/// elsewhere.
template<class Selector>
void check_selector(const Selector& s, const std::string& at, std::vector<cause>& causes) {
  auto add = [&](const char* reason, const std::string& field, const std::string& text) {
    causes.push_back({reason, text, at + field});
  };
  if (!s.raw_selector().empty() && !s.requirements().empty())
    add("FieldValueInvalid", ".rawSelector",
        "Invalid value: \"" + s.raw_selector() +
            "\": may not specified at the same time as requirements");
  if (s.raw_selector().empty() && s.requirements().empty())
    add("FieldValueRequired", ".requirements",
        "Required value: when " + at + " is specified, requirements or rawSelector is required");
  for (int i = 0; i < s.requirements_size(); ++i) {
    auto& r = s.requirements(i);
    auto here = ".requirements[" + std::to_string(i) + "]";
    if (r.key().empty())
      add("FieldValueRequired", here + ".key", "Required value: must be specified");
    if ((r.operator_() == "In" || r.operator_() == "NotIn") && r.values().empty())
      add("FieldValueRequired", here + ".values",
          "Required value: must be specified when `operator` is 'In' or 'NotIn'");
    if ((r.operator_() == "Exists" || r.operator_() == "DoesNotExist") && !r.values().empty())
      add("FieldValueForbidden", here + ".values",
          "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  }
}

template<class Spec> std::vector<cause> check_spec(const Spec& spec) {
  if (spec.has_resource_attributes() == spec.has_non_resource_attributes())
    return {wrong(
        spec.has_resource_attributes() ? "spec.nonResourceAttributes" : "spec.resourceAttributes",
        spec.has_resource_attributes()
            ? "cannot be specified in combination with nonResourceAttributes"
            : "exactly one of nonResourceAttributes or resourceAttributes must be specified")};
  std::vector<cause> causes;
  auto& wanted = spec.resource_attributes();
  std::string at = "spec.resourceAttributes.";
  if (wanted.has_field_selector())
    check_selector(wanted.field_selector(), at + "fieldSelector", causes);
  if (wanted.has_label_selector())
    check_selector(wanted.label_selector(), at + "labelSelector", causes);
  return causes;
}

template<class Review> void answer_access(gateway& g, call& c, Review& review, const user& who) {
  auto wanted = review.spec().has_resource_attributes()
                    ? from(review.spec().resource_attributes())
                    : from(review.spec().non_resource_attributes());
  bool allowed = g.authorize->check(who, wanted).has_value();
  review.mutable_status()->set_allowed(allowed);
  if (auto why = allowed ? why_allowed(*g.authorize->book(), g.given.store->current(), who, wanted)
                         : std::string{};
      !why.empty())
    review.mutable_status()->set_reason(why);
  c.answer_document(201, c.kind->api_version(), c.kind->name, review);
}

template<class Spec> user user_of(const Spec& spec) {
  user who{spec.user(), spec.uid(), {spec.groups().begin(), spec.groups().end()}, {}};
  for (auto& [key, values] : spec.extra())
    who.extra[key] = {values.items().begin(), values.items().end()};
  return who;
}

/// A review of access is stored nowhere, so there is nothing to say about it. Clients of protobuf
/// send every field of the metadata, empty.
template<class Review> void check_bare(const Review& review, std::vector<cause>& causes) {
  auto& m = review.metadata();
  bool bare = m.name().empty() && m.generate_name().empty() && m.uid().empty() &&
              m.resource_version().empty() && m.labels().empty() && m.annotations().empty() &&
              m.finalizers().empty() && m.owner_references().empty() &&
              m.creation_timestamp().seconds() == 0;
  if (!bare) causes.push_back(wrong("metadata", "must be empty"));
}

template<class Review> void subject_access(gateway& g, call& c, Review& review, bool local) {
  auto causes = check_spec(review.spec());
  check_bare(review, causes);
  if (review.spec().user().empty() && review.spec().groups().empty())
    causes.push_back(wrong("spec.user", "at least one of user or group must be specified"));
  if (local && review.spec().has_non_resource_attributes())
    causes.push_back(wrong("spec.nonResourceAttributes", "disallowed on this kind of request"));
  else if (local && review.spec().resource_attributes().namespace_() != c.where.ns)
    causes.push_back(wrong("spec.resourceAttributes.namespace", "must match metadata.namespace"));
  if (!causes.empty()) return c.fail(invalid(c.kind->group, "", "", std::move(causes)));
  answer_access(g, c, review, user_of(review.spec()));
}

void rules_review(gateway& g, call& c, authz::SelfSubjectRulesReview& review) {
  if (review.spec().namespace_().empty())
    return c.fail({errc::bad_request, "no namespace on request"});
  auto& status = *review.mutable_status();
  auto book = g.authorize->book();
  auto add = [&](const policy_rule& rule) {
    if (rule.non_resource_urls().empty()) {
      auto& r = *status.add_resource_rules();
      *r.mutable_verbs() = rule.verbs();
      *r.mutable_api_groups() = rule.api_groups();
      *r.mutable_resources() = rule.resources();
      *r.mutable_resource_names() = rule.resource_names();
    } else {
      auto& r = *status.add_non_resource_rules();
      *r.mutable_verbs() = rule.verbs();
      *r.mutable_non_resource_urls() = rule.non_resource_urls();
    }
  };
  for (auto rule : book->rules_of(c.who, review.spec().namespace_())) add(*rule);
  status.set_incomplete(false);
  c.answer_document(201, c.kind->api_version(), c.kind->name, review);
}

void token_review(gateway& g, call& c, authn::TokenReview& review) {
  if (review.spec().token().empty())
    return c.fail({errc::bad_request, "token is required for TokenReview in authentication"});
  auto& status = *review.mutable_status();
  std::vector<std::string> audiences(review.spec().audiences().begin(),
                                     review.spec().audiences().end());
  auto who = g.given.authenticate.identify_token(review.spec().token(), audiences);
  if (who) {
    status.set_authenticated(true);
    set_user(*status.mutable_user(), *who);
    for (auto& a : audiences) status.add_audiences(a);
    if (audiences.empty()) status.add_audiences(token_issuer); // made for this server
  } else {
    status.set_error(who.error().message);
  }
  review.mutable_spec()->set_token(""); // a token shown once need not travel twice
  c.answer_document(201, c.kind->api_version(), c.kind->name, review);
}

template<class Review, class Next> void with(call& c, Next next) {
  Review review;
  auto form = body_format(c.request.header("Content-Type"));
  if (!form) return c.fail(form.error());
  auto read = read_document(review, c.kind->api_version(), c.kind->name, *form, c.request.body);
  if (!read) return c.fail(read.error());
  if (auto ok = fit_namespace(c, *review.mutable_metadata()); !ok) return c.fail(ok.error());
  next(review);
}

} // namespace

bool is_review(const schema::kind& kind) {
  static const std::set<std::string_view> names{"TokenReview",
                                                "SubjectAccessReview",
                                                "LocalSubjectAccessReview",
                                                "SelfSubjectAccessReview",
                                                "SelfSubjectRulesReview",
                                                "SelfSubjectReview"};
  return !kind.custom() && names.contains(kind.name);
}

void review(gateway& g, call_ptr p) {
  auto& c = *p;
  auto options = read_write_options(c.query, "CreateOptions");
  if (!options) return c.fail(options.error());
  auto& name = c.kind->name;
  if (name == "SubjectAccessReview")
    return with<authz::SubjectAccessReview>(c, [&](auto& r) { subject_access(g, c, r, false); });
  if (name == "LocalSubjectAccessReview")
    return with<authz::LocalSubjectAccessReview>(c,
                                                 [&](auto& r) { subject_access(g, c, r, true); });
  if (name == "SelfSubjectAccessReview")
    return with<authz::SelfSubjectAccessReview>(c, [&](auto& r) {
      auto causes = check_spec(r.spec());
      check_bare(r, causes);
      if (!causes.empty()) return c.fail(invalid(c.kind->group, "", "", std::move(causes)));
      answer_access(g, c, r, c.who);
    });
  if (name == "SelfSubjectRulesReview")
    return with<authz::SelfSubjectRulesReview>(c, [&](auto& r) { rules_review(g, c, r); });
  if (name == "TokenReview")
    return with<authn::TokenReview>(c, [&](auto& r) { token_review(g, c, r); });
  with<authn::SelfSubjectReview>(c, [&](auto& r) {
    set_user(*r.mutable_status()->mutable_user_info(), c.who);
    c.answer_document(201, c.kind->api_version(), c.kind->name, r);
  });
}

} // namespace troupe::gateway
