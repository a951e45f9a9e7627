# cairn_add_test(FILE [LIBRARIES...]): the program tests/<folder>/test_<name>.c as the test test_<name>, with
# the label <folder>, and the label `threads` when it names what makes threads: those tests run under the
# thread sanitizer too. It is linked with cmocka and libcairn.a, and runs in the root of the source tree.
# Without cmocka there are no tests; where the target differs from the host, what tests use of it is in
# tests/cross/cmocka.h.
#
# cairn_add_fuzzer(FILE [LIBRARIES...]): tests/fuzz/fuzz_<name>.c, which has LLVMFuzzerTestOneInput. With
# CAIRN_FUZZ (clang) it is a libFuzzer program that runs for half a minute; else driver.c feeds it the
# files of tests/fuzz/seeds/<name>/, some thousand mutations of them, and noise.
enable_testing()
add_custom_target(threaded_tests) # those with the label `threads`, and no more
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
  target_link_libraries(${name} PRIVATE ${ARGN} cairn_oracles cairn ${CMOCKA_LIBRARY} ${CAIRN_OPTIONAL_LIBRARIES}
                        Threads::Threads m)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set(labels ${folder})
  file(STRINGS ${source} threaded REGEX "pthread_create|pool_run|cairn_set_threads" LIMIT_COUNT 1)
  if(threaded)
    list(APPEND labels threads)
    add_dependencies(threaded_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT 1800
                       ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1;UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=die_after_fork=0")
endfunction()

function(cairn_add_fuzzer source)
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" seeds ${name})
  set(seeds ${CMAKE_SOURCE_DIR}/tests/fuzz/seeds/${seeds})
  set(driver ${CMAKE_SOURCE_DIR}/tests/fuzz/driver.c)
  set(arguments ${seeds})
  if(CAIRN_FUZZ)
    set(driver "")
    set(arguments -max_total_time=30 -timeout=10 -rss_limit_mb=4096 -verbosity=0 ${CMAKE_BINARY_DIR}/corpus-${name})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus-${name})
    if(EXISTS ${seeds})
      list(APPEND arguments ${seeds})
    endif()
  endif()
  add_executable(${name} ${source} ${driver})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARGN} cairn Threads::Threads m)
  if(CAIRN_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
  add_test(NAME ${name} COMMAND ${name} ${arguments} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 600
                       ENVIRONMENT "CAIRN_ON_ERROR=quiet;ASAN_OPTIONS=allocator_may_return_null=1")
endfunction()
