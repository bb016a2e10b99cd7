# Functions for the targets of this project. Each folder is a library, so that an include of a later folder does not
# link.

add_library(layoutfs_options INTERFACE)
target_include_directories(layoutfs_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_compile_options(layoutfs_options INTERFACE
  # Some libraries require -pthread. All sources need the same options, because they share precompiled headers.
  -pthread
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wformat=2 -Wno-missing-field-initializers
  # A function without a declaration in a header must be private to its source. clang has another name for this warning.
  $<$<CXX_COMPILER_ID:GNU>:-Wmissing-declarations>
  $<$<CXX_COMPILER_ID:Clang>:-Wmissing-prototypes -Wmissing-variable-declarations>
  # g++ 12 reports overlapping and overflowing copies inside std::string and std::vector that do not exist (GCC bugs
  # 105651, 105329 and 105562).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds>
  # In a unity build g++ takes an included source for a header.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${LAYOUTFS_UNITY}>>:-Wno-subobject-linkage>
  $<$<BOOL:${LAYOUTFS_WERROR}>:-Werror>)
if(LAYOUTFS_SANITIZE)
  target_compile_options(layoutfs_options INTERFACE -fsanitize=${LAYOUTFS_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(layoutfs_options INTERFACE -fsanitize=${LAYOUTFS_SANITIZE})
  if(LAYOUTFS_FUZZ)
    target_compile_options(layoutfs_options INTERFACE
      -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/fuzz/sanitizer-ignore.txt)
  endif()
endif()

# The headers of the standard library that most sources use.
set(LAYOUTFS_COMMON_HEADERS <algorithm> <array> <atomic> <chrono> <condition_variable> <cstddef> <cstdint> <cstring>
  <compare> <expected> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread>
  <tuple> <unordered_map> <utility> <variant> <vector>)

# layoutfs_unite(TARGET): with LAYOUTFS_UNITY, compiles the sources of TARGET in a few units, because most of the
# compile time is spent on headers. A name in an anonymous namespace may therefore occur in only one source of the
# target. Without LAYOUTFS_UNITY each source is compiled alone, which shows that it includes all the headers that it
# needs.
function(layoutfs_unite target)
  if(LAYOUTFS_UNITY)
    # A unit takes up to half a minute of CPU time and 500 MiB.
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 24)
  endif()
endfunction()

# layoutfs_compile(TARGET): as layoutfs_unite, with precompiled common headers if LAYOUTFS_PRECOMPILE is set.
function(layoutfs_compile target)
  layoutfs_unite(${target})
  if(LAYOUTFS_PRECOMPILE)
    if(NOT TARGET layoutfs_common_headers)
      add_library(layoutfs_common_headers OBJECT ${PROJECT_SOURCE_DIR}/cmake/common_headers.cc)
      target_link_libraries(layoutfs_common_headers PRIVATE layoutfs_options)
      target_precompile_headers(layoutfs_common_headers PRIVATE ${LAYOUTFS_COMMON_HEADERS})
    endif()
    target_precompile_headers(${target} REUSE_FROM layoutfs_common_headers)
  endif()
endfunction()

# The folders that process the bytes of layers. They are compiled with the highest optimization level, which takes
# longer.
set(LAYOUTFS_HOT tar codec stream layer image)

# layoutfs_library(NAME SOURCES file... [USES target...] [PRIVATE target...]): the library layoutfs_NAME of the current
# folder. Users of the library get its USES too, and must be allowed to use them (tests/e2e/include_order.py).
function(layoutfs_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;PRIVATE" ${ARGN})
  add_library(layoutfs_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(layoutfs_${name} PUBLIC layoutfs_options ${ARG_USES} PRIVATE ${ARG_PRIVATE})
  if(name IN_LIST LAYOUTFS_HOT)
    target_compile_options(layoutfs_${name} PRIVATE $<$<CONFIG:Release>:-O3>)
  endif()
  layoutfs_compile(layoutfs_${name})
endfunction()

# layoutfs_flatbuffer(TARGET schema.fbs): generates schema_generated.h for TARGET, included as "FOLDER/schema_generated.h".
function(layoutfs_flatbuffer target schema)
  get_filename_component(stem ${schema} NAME_WE)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(generated ${PROJECT_BINARY_DIR}/generated/${folder})
  add_custom_command(
    OUTPUT ${generated}/${stem}_generated.h
    COMMAND ${FLATC} --cpp --cpp-std c++17 --scoped-enums --gen-mutable --filename-suffix _generated -o ${generated}
            ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${schema}
    COMMENT "Generating ${folder}/${stem}_generated.h")
  target_sources(${target} PRIVATE ${generated}/${stem}_generated.h)
  target_include_directories(${target} SYSTEM PRIVATE ${PROJECT_BINARY_DIR}/generated)
endfunction()
