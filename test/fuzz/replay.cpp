// Runs a target over every file of its corpus, and over each file cut short at every length.
#include "test/fuzz/target.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  constexpr size_t cuts_max = 600;
  size_t files = 0, inputs = 0;
  for (int i = 1; i < argc; ++i)
    for (auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::string bytes(std::istreambuf_iterator<char>(in), {});
      auto run = [&](size_t size) {
        // A copy of its own size, so that reading past the end is seen by sanitizers.
        std::string exact(bytes.data(), size);
        exact.shrink_to_fit();
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(exact.data()), exact.size());
        ++inputs;
      };
      run(bytes.size());
      auto step = bytes.size() / cuts_max + 1;
      for (size_t size = 0; size < bytes.size(); size += step) run(size);
      ++files;
    }
  printf("%zu files, %zu inputs\n", files, inputs);
  return files ? 0 : 1;
}
