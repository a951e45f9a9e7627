# cairn_add_test(FILE [LIBRARIES...]): the program tests/<folder>/test_<name>.c as the test test_<name>, with
# the label <folder>. It is linked with cmocka and libcairn.a, and runs in the root of the source tree.
# Without cmocka there are no tests; where the target differs from the host, what tests use of it is in
# tests/cross/cmocka.h.
enable_testing()
find_path(CMOCKA_INCLUDE cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
mark_as_advanced(CMOCKA_INCLUDE CMOCKA_LIBRARY)
if(CMAKE_CROSSCOMPILING)
  set(CMOCKA_INCLUDE ${CMAKE_SOURCE_DIR}/tests/cross)
  set(CMOCKA_LIBRARY "")
elseif(NOT CMOCKA_LIBRARY)
  message(STATUS "built without tests (cmocka not found)")
endif()

function(cairn_add_test source)
  if(NOT CMOCKA_LIBRARY AND NOT CMAKE_CROSSCOMPILING)
    return()
  endif()
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  if(TARGET ${name})
    set(name ${folder}_${name})
  endif()
  add_executable(${name} ${source})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests
                             ${CMOCKA_INCLUDE} ${CAIRN_OPTIONAL_INCLUDES})
  target_compile_definitions(${name} PRIVATE CAIRN_BUILD_DIR="${CMAKE_BINARY_DIR}" ${CAIRN_OPTIONAL_DEFINITIONS})
  target_link_libraries(${name} PRIVATE ${ARGN} cairn ${CMOCKA_LIBRARY} Threads::Threads m)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${folder} TIMEOUT 600
                       ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1;UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=die_after_fork=0")
endfunction()
