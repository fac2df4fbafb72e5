// Layers from hostile hands: nothing is written outside, and everything has an end.
#include "actors/node/files.hpp"
#include "actors/node/images/import.hpp"
#include "actors/node/images/reference.hpp"
#include "actors/node/images/unpack.hpp"

#include <boost/test/unit_test.hpp>

#include <archive.h>
#include <archive_entry.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::node;
namespace fs = std::filesystem;

namespace {

struct entry {
  std::string name;
  int type = AE_IFREG;
  std::string content, link, hard;
  int64_t size = -1; ///< promised, if other than the content's
  int mode = 0644;
};

struct scratch {
  scratch() {
    char name[] = "/tmp/troupe-unpack-XXXXXX";
    top = mkdtemp(name);
    fs::create_directory(top / "layer");
    std::ofstream(top / "outside") << "untouched";
  }
  ~scratch() {
    std::ifstream in(top / "outside");
    std::string text;
    std::getline(in, text);
    BOOST_TEST(text == "untouched");
    fs::remove_all(top);
  }
  fs::path write(const std::vector<entry>& entries, bool zip = false) {
    auto out = archive_write_new();
    archive_write_set_format_pax(out);
    if (zip) archive_write_add_filter_gzip(out);
    auto file = top / "blob";
    archive_write_open_filename(out, file.c_str());
    for (auto& e : entries) {
      auto a = archive_entry_new();
      archive_entry_set_pathname(a, e.name.c_str());
      archive_entry_set_filetype(a, static_cast<unsigned>(e.type));
      archive_entry_set_perm(a, static_cast<mode_t>(e.mode));
      archive_entry_set_size(a, e.size >= 0 ? e.size : static_cast<int64_t>(e.content.size()));
      archive_entry_set_uid(a, getuid());
      archive_entry_set_gid(a, getgid());
      if (!e.link.empty()) archive_entry_set_symlink(a, e.link.c_str());
      if (!e.hard.empty()) archive_entry_set_hardlink(a, e.hard.c_str());
      if (e.type == AE_IFCHR) archive_entry_set_rdev(a, 0x0103);
      archive_write_header(out, a);
      if (!e.content.empty()) archive_write_data(out, e.content.data(), e.content.size());
      archive_entry_free(a);
    }
    archive_write_close(out);
    archive_write_free(out);
    return file;
  }
  result<unpacked> unpack(const std::vector<entry>& entries, unpack_limits limits = {},
                          bool zip = false) {
    return unpack_layer(write(entries, zip), top / "layer", limits);
  }
  fs::path top;
};

} // namespace

BOOST_AUTO_TEST_SUITE(image_unpack_test)

BOOST_FIXTURE_TEST_CASE(an_honest_layer_is_unpacked, scratch) {
  auto done = unpack({{"bin/", AE_IFDIR, {}, {}, {}, -1, 0755},
                      {"bin/a", AE_IFREG, "text"},
                      {"bin/b", AE_IFLNK, {}, "a"},
                      {"bin/c", AE_IFREG, {}, {}, "bin/a"}});
  BOOST_REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
  BOOST_TEST(*read_file(top / "layer" / "bin" / "b") == "text");
  BOOST_TEST(fs::hard_link_count(top / "layer" / "bin" / "c") == 2u);
}

BOOST_FIXTURE_TEST_CASE(what_leads_outside_is_refused_or_stays_inside, scratch) {
  struct row {
    const char* what;
    std::vector<entry> entries;
    bool refused;
  } rows[] = {
      {"a name that leads upward", {{"../outside", AE_IFREG, "x"}}, true},
      {"the same in the middle", {{"a/../../outside", AE_IFREG, "x"}}, true},
      {"an absolute name", {{"/outside", AE_IFREG, "x"}}, false},
      {"writing through a symbolic link",
       {{"l", AE_IFLNK, {}, top.string()}, {"l/outside", AE_IFREG, "x"}},
       true},
      {"writing through a link upward",
       {{"l", AE_IFLNK, {}, ".."}, {"l/outside", AE_IFREG, "x"}},
       false},
      {"replacing a link by writing to it",
       {{"f", AE_IFLNK, {}, (top / "outside").string()}, {"f", AE_IFREG, "x"}},
       false},
      {"a link named .", {{".", AE_IFLNK, {}, "/"}}, true},
      {"a hard link to a file outside",
       {{"h", AE_IFREG, {}, {}, (top / "outside").string()}},
       true},
      {"a hard link upward", {{"h", AE_IFREG, {}, {}, "../outside"}}, true},
      {"a device", {{"disk", AE_IFCHR}}, true},
      {"a device in /dev", {{"dev/disk", AE_IFCHR}}, false},
      {"a whiteout of nothing", {{".wh.", AE_IFREG}}, true},
      {"a whiteout of ..", {{".wh...", AE_IFREG}}, true},
  };
  for (auto& r : rows) {
    fs::remove_all(top / "layer");
    fs::create_directory(top / "layer");
    auto done = unpack(r.entries);
    BOOST_TEST(done.has_value() != r.refused, r.what << (done ? "" : ": " + done.error().message));
  }
}

BOOST_FIXTURE_TEST_CASE(limits_end_what_has_no_end, scratch) {
  unpack_limits small;
  small.bytes_max = 1000;
  small.entries_max = 3;
  BOOST_TEST(!unpack({{"a", AE_IFREG, std::string(2000, 'x')}}, small));
  BOOST_TEST(!unpack({{"a"}, {"b"}, {"c"}, {"d"}}, small));
  unpack_limits bomb;
  bomb.ratio_from_bytes = 1 << 20;
  bomb.ratio_max = 50;
  auto done = unpack({{"zeros", AE_IFREG, std::string(8 << 20, '\0')}}, bomb, true);
  BOOST_TEST(!done);
  BOOST_TEST(done.error().message.find("times") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_damaged_layer_is_refused, scratch) {
  std::ofstream(top / "noise") << std::string(3000, '\x7f');
  BOOST_TEST(!unpack_layer(top / "noise", top / "layer"));
}

BOOST_FIXTURE_TEST_CASE(whiteouts_become_overlays_own, scratch) {
  if (getuid() != 0) return; // devices and trusted attributes are root's
  auto done = unpack({{"etc/.wh.passwd"}, {"var/.wh..wh..opq"}});
  BOOST_REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
  struct stat st {};
  BOOST_TEST(lstat((top / "layer/etc/passwd").c_str(), &st) == 0);
  BOOST_TEST(S_ISCHR(st.st_mode));
  BOOST_TEST(st.st_rdev == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_manifest_with_other_contents_than_its_name_is_refused, scratch) {
  image_store store(top / "images");
  BOOST_REQUIRE(store.open());
  auto digest = store.put_blob("{}");
  std::ofstream(store.blob(*digest)) << R"({"schemaVersion":2})";
  auto done = store.add("docker.io/library/x:1", *digest);
  BOOST_TEST(!done);
  BOOST_TEST(done.error().message.find("other contents") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(an_index_that_leads_back_to_itself_ends, scratch) {
  image_store store(top / "images");
  BOOST_REQUIRE(store.open());
  std::string inner = "sha256:" + std::string(64, '0');
  for (int depth = 0; depth < 10; ++depth)
    inner = *store.put_blob(R"({"manifests":[{"digest":")" + inner + R"("}]})");
  auto done = store.add("docker.io/library/x:1", inner);
  BOOST_TEST(!done);
  BOOST_TEST(done.error().message.find("nest") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_of_images_are_made_whole_or_refused) {
  struct row {
    const char* text;
    const char* whole; ///< empty: refused
  } rows[] = {{"nginx", "docker.io/library/nginx:latest"},
              {"nginx:1.25", "docker.io/library/nginx:1.25"},
              {"user/app", "docker.io/user/app:latest"},
              {"localhost/app:1", "localhost/app:1"},
              {"localhost:5000/app", "localhost:5000/app:latest"},
              {"ghcr.io/a/b-c_d.e:v1", "ghcr.io/a/b-c_d.e:v1"},
              {"Nginx", ""},
              {"nginx:", ""},
              {"a//b", ""},
              {"a/", ""},
              {"", ""},
              {"a b", ""},
              {"app@sha256:12", ""},
              {"-a", ""}};
  for (auto& r : rows) {
    auto got = parse_reference(r.text);
    BOOST_TEST((got ? got->text() : "") == r.whole, r.text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
