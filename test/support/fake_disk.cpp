#include "test/support/fake_disk.hpp"

#include <algorithm>

namespace troupe::test {

using storage::directory;
using storage::file;

class fake_file final : public file {
public:
  fake_file(fake_disk& disk, std::shared_ptr<fake_disk::contents> of)
      : disk_{disk}, of_{std::move(of)} {}

  result<uint64_t> size() const override { return of_->now.size(); }

  result<std::string> read(uint64_t offset, size_t size) const override {
    if (std::exchange(disk_.misdirect_next_read, false)) offset += 4096;
    return offset < of_->now.size() ? of_->now.substr(offset, size) : std::string{};
  }

  result<void> write(uint64_t offset, std::string_view bytes) override {
    auto end = offset + bytes.size();
    auto grows = end > of_->now.size() ? end - of_->now.size() : 0;
    disk_.operate();
    if (grows > disk_.free_bytes) return error{errc::storage_full, "the fake disk is full"};
    disk_.free_bytes -= grows;
    disk_.written_bytes += bytes.size();
    if (grows > 0) of_->now.resize(end, '\0');
    std::copy(bytes.begin(), bytes.end(), of_->now.begin() + static_cast<ptrdiff_t>(offset));
    of_->dirty = true;
    disk_.operate();
    return {};
  }

  result<void> sync() override {
    disk_.operate();
    if (std::exchange(disk_.fail_next_sync, false)) return error{errc::internal, "sync: EIO"};
    if (disk_.ignore_sync) return {};
    ++disk_.syncs;
    if (std::exchange(of_->dirty, false)) of_->durable = of_->now;
    return {};
  }

private:
  fake_disk& disk_;
  std::shared_ptr<fake_disk::contents> of_;
};

class fake_directory final : public directory {
public:
  explicit fake_directory(fake_disk& disk) : disk_{disk} {}

  result<std::vector<std::string>> list() const override { return disk_.names(); }

  result<std::unique_ptr<file>> open(const std::string& name, bool create) override {
    auto at = disk_.files_.find(name);
    if (create == (at != disk_.files_.end()))
      return error{errc::internal, name + (create ? " exists" : " does not exist")};
    if (create) at = disk_.files_.emplace(name, std::make_shared<fake_disk::contents>()).first;
    return std::unique_ptr<file>{new fake_file{disk_, at->second}};
  }

  result<void> rename(const std::string& from, const std::string& to) override {
    auto node = disk_.files_.extract(from);
    if (node.empty()) return error{errc::internal, from + " does not exist"};
    disk_.files_[to] = node.mapped();
    return {};
  }

  result<void> remove(const std::string& name) override {
    auto node = disk_.files_.extract(name);
    if (node.empty()) return error{errc::internal, name + " does not exist"};
    disk_.free_bytes += node.mapped()->now.size();
    return {};
  }

  result<void> sync() override {
    disk_.durable_names_ = disk_.files_;
    return {};
  }

  result<space> room() const override { return space{disk_.free_bytes, uint64_t{1} << 40}; }

private:
  fake_disk& disk_;
};

void fake_disk::operate() {
  if (power_fails_in > 0 && --power_fails_in == 0) throw power_failure{};
}

std::unique_ptr<directory> fake_disk::open() { return std::make_unique<fake_directory>(*this); }

void fake_disk::crash() {
  power_fails_in = 0;
  files_ = durable_names_;
  for (auto& [_, x] : files_) {
    if (!x->dirty) continue;
    // Sectors since the last sync: each has reached the disk or not.
    x->durable.resize(x->now.size(), '\0');
    constexpr size_t sector = 512;
    for (size_t at = 0; at < x->now.size(); at += sector)
      if (x->now.compare(at, sector, x->durable, at, sector) != 0 && random_() % 2 == 0)
        x->durable.replace(at, sector, x->now, at, sector);
    x->now = x->durable;
    x->dirty = false;
  }
}

void fake_disk::rot(const std::string& name, size_t from, size_t to) {
  auto& x = *files_.at(name);
  auto at = from + random_() % (to - from);
  x.now[at] = static_cast<char>(x.now[at] ^ (1 << random_() % 8));
  x.durable = x.now;
}

std::vector<std::string> fake_disk::names() const {
  std::vector<std::string> out;
  for (auto& [name, _] : files_) out.push_back(name);
  return out;
}

} // namespace troupe::test
