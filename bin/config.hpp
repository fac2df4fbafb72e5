// Where a long-running role gets its settings from: a file, drop-ins beside it, the environment and
// flags, each stronger than the one before. All by the names of its options.
#pragma once

#include "bin/options.hpp"

#include <functional>

namespace troupe {

struct config_places {
  std::filesystem::path file = "/etc/troupe/config.yaml"; ///< and config.d/*.yaml beside it
  std::function<const char*(const char*)> environment;    ///< getenv, but in tests
};

/// "link-port" as TROUPE_LINK_PORT.
std::string variable_of(const std::string& option);

/// Finds what every option is told, and by whom; the strongest source alone counts for each. A key
/// that is no option is an error; `--config FILE` among the arguments names another file.
struct told {
  std::vector<setting> settings; ///< in the order of the options; of a list, one each
  std::vector<std::string> words;
};
result<told> gather(const command_spec& of, const std::vector<std::string>& arguments,
                    config_places from);

/// gather(), and sets every option.
reading read_configured(const command_spec& of, const std::vector<std::string>& arguments);

/// `troupe config view`.
int config_command(const std::vector<std::string>& arguments);

} // namespace troupe
