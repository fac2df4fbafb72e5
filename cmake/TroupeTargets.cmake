# Flags and helpers shared by every target of the project.
add_library(troupe_options INTERFACE)
target_include_directories(troupe_options INTERFACE ${CMAKE_SOURCE_DIR})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # What GCC 12 sees beyond the bounds of strings is not there; it says so where they were precompiled. Nor is
  # what it sees uninitialised in instrumented code.
  set(seen_in_error -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
      $<$<BOOL:${TROUPE_SANITIZE}>:-Wno-maybe-uninitialized>)
endif()
target_compile_options(troupe_options INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers
                       ${seen_in_error} $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
if(TROUPE_SANITIZE)
  # Optimised no further, since building takes long enough.
  add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 -O1)
  add_link_options(-fsanitize=${TROUPE_SANITIZE})
  if(TROUPE_SANITIZE MATCHES thread)
    # Fences are unknown to it; Asio has a way without.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  # Relative paths inside the cache, so that every checkout of the project shares it.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Compiled once for a target: what most of its files read, nearly all of what a file costs. Nothing of the
# project stands here, so that a change rebuilds what uses it and no more.
set(TROUPE_COMMON_HEADERS <algorithm> <chrono> <functional> <map> <memory> <mutex> <optional> <set> <string>
    <unordered_map> <unordered_set> <variant> <vector> <boost/json.hpp> <google/protobuf/descriptor.pb.h>
    <google/protobuf/map_field_inl.h>)
set(TROUPE_ACTOR_HEADERS ${TROUPE_COMMON_HEADERS} <caf/all.hpp>)

# troupe_room(NAME LIBS...): the static library of one top-level folder, from all .cpp files below it.
function(troupe_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(sources)
    add_library(troupe_${name} STATIC ${sources})
    target_link_libraries(troupe_${name} PUBLIC troupe_options ${ARGN})
  else()
    add_library(troupe_${name} INTERFACE)
    target_link_libraries(troupe_${name} INTERFACE troupe_options ${ARGN})
  endif()
endfunction()

# troupe_tests(ROOM LIBS...): one program from test/ROOM/*_test.cpp; each file is one suite and one ctest.
function(troupe_tests room)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${room} support/main.cpp ${sources})
  target_link_libraries(test_${room} PRIVATE ${ARGN} Boost::unit_test_framework)
  target_compile_definitions(test_${room} PRIVATE BOOST_TEST_DYN_LINK
                             TROUPE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  # main.cpp sets the name of the module before the header is read.
  set_source_files_properties(support/main.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_precompile_headers(test_${room} PRIVATE <boost/test/unit_test.hpp> ${TROUPE_ACTOR_HEADERS})
  foreach(source ${sources})
    get_filename_component(suite ${source} NAME_WE)
    add_test(NAME unit.${room}.${suite} COMMAND test_${room} --run_test=${suite})
    set_tests_properties(unit.${room}.${suite} PROPERTIES TIMEOUT 300)
  endforeach()
endfunction()
