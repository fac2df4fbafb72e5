# `cmake --install`: the programs, and the library for programs of one's own (find_package(troupe), or
# pkg-config troupe).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(troupe_include ${CMAKE_INSTALL_INCLUDEDIR}/troupe)
set(troupe_package ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)

install(TARGETS troupe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS troupe-shim troupe-hello RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR}/troupe)

foreach(room messages storage net actors)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${room} DESTINATION ${troupe_include} FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(DIRECTORY ${CMAKE_BINARY_DIR}/generated/messages DESTINATION ${troupe_include}
        FILES_MATCHING PATTERN "*.pb.h")
set(troupe_libraries troupe_api troupe_messages troupe_storage troupe_net troupe_raft troupe_actors)
foreach(library ${troupe_libraries})
  install(FILES $<TARGET_FILE:${library}> DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
configure_file(${CMAKE_SOURCE_DIR}/cmake/troupe-config.cmake.in ${CMAKE_BINARY_DIR}/troupe-config.cmake @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/cmake/troupe.pc.in ${CMAKE_BINARY_DIR}/troupe.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/troupe-config.cmake ${CMAKE_SOURCE_DIR}/cmake/FindCAF.cmake
        DESTINATION ${troupe_package})
install(FILES ${CMAKE_BINARY_DIR}/troupe.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
