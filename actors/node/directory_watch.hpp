// Hears of changes in a directory: files that were written, moved in, moved away or removed.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>

namespace troupe::node {

/// Calls `changed` on the loop with the name of each entry that an event of `mask` (inotify(7))
/// concerns, as long as the loop runs. What is not told because too much happened at once comes as
/// an empty name.
void watch_directory(boost::asio::io_context& loop, const std::filesystem::path& directory,
                     uint32_t mask, std::function<void(const std::string& name)> changed);

} // namespace troupe::node
