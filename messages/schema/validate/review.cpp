// Questions to the server: access reviews, token requests. They are answered, not stored, and have
// no name.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/authentication.pb.h"
#include "messages/api/authorization.pb.h"

namespace troupe::schema::validate {

namespace {

using namespace k8s::authorization::v1;
using k8s::authentication::v1::SelfSubjectReview;
using k8s::authentication::v1::TokenRequest;
using k8s::authentication::v1::TokenReview;

constexpr int64_t token_seconds_min = 600;
constexpr int64_t token_seconds_max = int64_t{1} << 32;

template<class Spec> void attributes(report& out, const path& at, const Spec& s) {
  if (s.has_resource_attributes() && s.has_non_resource_attributes())
    out.invalid(at / "nonResourceAttributes", "",
                "cannot be specified in combination with resourceAttributes");
  if (!s.has_resource_attributes() && !s.has_non_resource_attributes())
    out.invalid(at / "resourceAttributes", "",
                "exactly one of nonResourceAttributes or resourceAttributes must be specified");
}

void subject(report& out, const path& at, const SubjectAccessReviewSpec& s) {
  attributes(out, at, s);
  if (s.user().empty() && s.groups().empty())
    out.invalid(at / "user", s.user(), "at least one of user or group must be specified");
}

void access_review(report& out, const SubjectAccessReview& r) {
  path at;
  subject(out, at / "spec", r.spec());
}

void self_access_review(report& out, const SelfSubjectAccessReview& r) {
  path at;
  attributes(out, at / "spec", r.spec());
}

void local_access_review(report& out, const LocalSubjectAccessReview& r) {
  path top;
  auto at = top / "spec";
  subject(out, at, r.spec());
  auto attributes_at = at / "resourceAttributes";
  if (r.spec().has_non_resource_attributes())
    out.invalid(at / "nonResourceAttributes", "", "disallowed on this kind of request");
  if (r.spec().has_resource_attributes() &&
      r.spec().resource_attributes().namespace_() != r.metadata().namespace_())
    out.invalid(attributes_at / "namespace", r.spec().resource_attributes().namespace_(),
                "must match metadata.namespace");
}

void token_request(report& out, const TokenRequest& r) {
  path top;
  auto at = top / "spec.expirationSeconds";
  if (r.spec().expiration_seconds() < token_seconds_min)
    out.invalid(at, r.spec().expiration_seconds(),
                "may not specify a duration less than 10 minutes");
  if (r.spec().expiration_seconds() > token_seconds_max)
    out.invalid(at, r.spec().expiration_seconds(),
                "may not specify a duration larger than 2^32 seconds");
}

} // namespace

std::vector<row> review_kinds() {
  return {
      kind_row<SubjectAccessReview>(nullptr).any_time<access_review>(),
      kind_row<SelfSubjectAccessReview>(nullptr).any_time<self_access_review>(),
      kind_row<LocalSubjectAccessReview>(nullptr).any_time<local_access_review>(),
      kind_row<SelfSubjectRulesReview>(nullptr),
      kind_row<SelfSubjectReview>(nullptr),
      kind_row<TokenReview>(nullptr),
      kind_row<TokenRequest>(nullptr).any_time<token_request>(),
  };
}

} // namespace troupe::schema::validate
