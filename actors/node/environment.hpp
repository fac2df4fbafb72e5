// The environment of a container: variables from everywhere, $(NAME) put in. Pure, but for looking
// at what the servers have told.
#pragma once

#include "actors/node/downward.hpp"
#include "actors/node/facts.hpp"
#include "actors/node/pod_record.hpp"

#include <functional>

namespace troupe::node {

/// In order; a later one of the same name has replaced the earlier.
using environment_list = std::vector<std::pair<std::string, std::string>>;

/// `text` with $(NAME) replaced by its value; $$ is $, what is unknown stays.
std::string expand(std::string_view text, const environment_list& with);

/// What services of the pod's namespace tell: WEB_SERVICE_HOST and the others.
environment_list service_variables(const facts& told, const std::string& ns, bool all_services);

/// Everything the pod's author says, after the services' variables and before nothing else.
/// Fails, naming what is missing, as CreateContainerConfigError tells it. `read_file` reads
/// "volume/path" for variables that come from files.
result<environment_list>
make_environment(const Pod& pod, const Container& of, const facts& told, const node_view& node,
                 const std::function<result<std::string>(const std::string&, const std::string&)>&
                     read_file = {});

/// Replaces or appends.
void set_variable(environment_list& in, const std::string& name, const std::string& value);

} // namespace troupe::node
