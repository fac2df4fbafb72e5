// Nodes, their taints and addresses.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/address.hpp"

#include "messages/api/affinity.pb.h"
#include "messages/api/node.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

void pod_ranges(report& out, const path& at, const NodeSpec& s) {
  auto here = at / "podCIDRs";
  bool v4 = false, v6 = false;
  for (int i = 0; i < s.pod_cidrs_size(); ++i) {
    out.invalid(here[i], s.pod_cidrs(i), names::cidr(s.pod_cidrs(i)));
    auto range = network::parse(s.pod_cidrs(i));
    if (!range) continue;
    bool& seen = range->base.v6 ? v6 : v4;
    if (seen)
      out.invalid(here, s.pod_cidrs(i), "may specify no more than one CIDR for each IP family");
    seen = true;
  }
}

void addresses(report& out, const path& at, const NodeStatus& s) {
  std::set<std::string> seen;
  for (int i = 0; i < s.addresses_size(); ++i) {
    auto& a = s.addresses(i);
    auto here = at.at("addresses", i);
    if (!seen.insert(a.type() + "/" + a.address()).second) out.duplicate(here, a.address());
  }
}

void amounts_of(report& out, const path& at, const amounts& map) {
  for (auto& [name, value] : map) resource_amount(out, at / name, name, value);
}

void node(report& out, const Node& n) {
  path top;
  auto spec = top / "spec", status = top / "status";
  taints(out, spec / "taints", n.spec().taints());
  pod_ranges(out, spec, n.spec());
  amounts_of(out, status / "capacity", n.status().capacity());
  amounts_of(out, status / "allocatable", n.status().allocatable());
}

void node_update(report& out, const Node& n, const Node& old) {
  path top;
  auto at = top / "spec";
  addresses(out, top / "status", n.status());
  bool kept = old.spec().pod_cidrs().empty() ||
              std::equal(old.spec().pod_cidrs().begin(), old.spec().pod_cidrs().end(),
                         n.spec().pod_cidrs().begin(), n.spec().pod_cidrs().end());
  if (n.spec().external_id() != old.spec().external_id())
    out.forbidden(at / "externalID", "may not be updated");
  if (!kept)
    out.forbidden(at / "podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
  if (!old.spec().provider_id().empty() && n.spec().provider_id() != old.spec().provider_id())
    out.forbidden(at / "providerID",
                  "node updates may not change providerID except from \"\" to valid");
}

void node_status(report& out, const Node& n, const Node& old) {
  node(out, n);
  node_update(out, n, old);
}

} // namespace

std::vector<row> node_kinds() {
  return {kind_row<Node>().any_time<node>().on_update<node_update>().on_status<node_status>()};
}

} // namespace troupe::schema::validate
