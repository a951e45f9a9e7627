# `make install`: libraries, headers, the tool, a pkg-config file and a CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS cairn cairn_shared EXPORT cairn
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/cairn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
if(TARGET cairn_tool)
  install(TARGETS cairn_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The small digits set, which cairn_digits finds beside the program: ../share/cairn/digits.
install(DIRECTORY data/digits DESTINATION ${CMAKE_INSTALL_DATADIR}/cairn)

# Debug information stays in the build folder: the installed library is for using.
install(CODE "execute_process(COMMAND ${CMAKE_STRIP} --strip-debug
  \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libcairn.a)")

install(EXPORT cairn NAMESPACE cairn:: FILE cairn-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cairn)
configure_package_config_file(cmake/cairn-config.cmake.in ${CMAKE_BINARY_DIR}/cairn-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cairn)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cairn-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cairn-config.cmake ${CMAKE_BINARY_DIR}/cairn-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/cairn)

# What a static link needs beside libcairn.a, as -l flags.
set(CAIRN_PRIVATE_LIBS "-pthread -lm")
foreach(library IN LISTS CAIRN_OPTIONAL_LIBRARIES)
  get_filename_component(name ${library} NAME_WE)
  string(REGEX REPLACE "^lib" "-l" name ${name})
  string(APPEND CAIRN_PRIVATE_LIBS " ${name}")
endforeach()
configure_file(cmake/cairn.pc.in ${CMAKE_BINARY_DIR}/cairn.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cairn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
