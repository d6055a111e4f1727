# weir_module(NAME [DEPS module...] [LIBS library...] [TEST_DEPS module...])
# makes the library weir_NAME from src/NAME/*.c (and *.cpp), and one test program from every tests/NAME/*_test.c.
# The order of WEIR_MODULES is the order of layers: a folder may use what stands before it (tools/check verifies).

set(WEIR_MODULES base json regex crypto loop http core config flow chat engine upstream privacy
                 ledger device strategy router egress server admin llama app cli)

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(weir_flags INTERFACE _GNU_SOURCE WEIR_VERSION="${PROJECT_VERSION}")
target_compile_options(
  weir_flags INTERFACE -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wpointer-arith -Wundef -Wvla -fno-common -fstack-protector-strong
                       $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>)
if(WEIR_SLOW_ASSERTS)
  target_compile_definitions(weir_flags INTERFACE WEIR_SLOW_ASSERTS)
endif()
if(WEIR_SANITIZE)
  target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer
                                              -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
endif()

function(weir_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS;TEST_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  list(TRANSFORM arg_DEPS PREPEND weir_)
  list(TRANSFORM arg_TEST_DEPS PREPEND weir_)
  if(sources)
    add_library(weir_${name} STATIC ${sources})
    target_link_libraries(weir_${name} PUBLIC weir_flags ${arg_DEPS} ${arg_LIBS})
  else() # headers only, so far
    add_library(weir_${name} INTERFACE)
    target_link_libraries(weir_${name} INTERFACE weir_flags ${arg_DEPS} ${arg_LIBS})
  endif()
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*_test.c)
  foreach(test IN LISTS tests)
    get_filename_component(test_name ${test} NAME_WE)
    add_executable(${test_name} ${test})
    target_include_directories(${test_name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${test_name} PRIVATE weir_${name} ${arg_TEST_DEPS} cmocka)
    set_target_properties(${test_name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name}/${test_name} COMMAND ${test_name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name}/${test_name} PROPERTIES TIMEOUT 120)
  endforeach()
endfunction()
