#include "bin/code_pages.hpp"

#include <cstdint>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace troupe {

void give_back_code() {
  auto each = [](dl_phdr_info* object, size_t, void*) {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      auto& part = object->dlpi_phdr[i];
      // What was ever written to is nowhere else.
      if (part.p_type != PT_LOAD || (part.p_flags & PF_W)) continue;
      auto begin = object->dlpi_addr + part.p_vaddr;
      auto end = begin + part.p_memsz;
      begin -= begin % page;
      (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
  };
  dl_iterate_phdr(each, nullptr);
}

} // namespace troupe
