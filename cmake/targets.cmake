# How the targets of this project are built: one library for each folder, so that an include that goes down the list
# of folders does not link.

add_library(layoutfs_options INTERFACE)
target_include_directories(layoutfs_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_compile_options(layoutfs_options INTERFACE
  # As some libraries ask for it: all sources or none may share precompiled headers.
  -pthread
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wformat=2 -Wno-missing-field-initializers
  # What no header declares is of its source alone. To clang, missing declarations are something else.
  $<$<CXX_COMPILER_ID:GNU>:-Wmissing-declarations>
  $<$<CXX_COMPILER_ID:Clang>:-Wmissing-prototypes -Wmissing-variable-declarations>
  # g++ 12 sees overlapping and overflowing copies inside std::string and std::vector that are not there (GCC bugs 105651,
  # 105329 and 105562).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds>
  # It takes a source for a header where another includes it.
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

# layoutfs_unite(TARGET): with LAYOUTFS_UNITY, compiles the sources of TARGET in few units: most of the time of a compiler goes
# into headers. So a name in an anonymous namespace stands in one source of the target alone. Without it each source is
# compiled alone, which shows that it includes what it needs.
function(layoutfs_unite target)
  if(LAYOUTFS_UNITY)
    # A unit takes up to half a minute of a processor and 500 MiB.
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 24)
  endif()
endfunction()

# layoutfs_compile(TARGET): the same, with the common headers precompiled if LAYOUTFS_PRECOMPILE is set.
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

# The folders through which the bytes of layers flow: optimized as much as the compiler can, which takes it longer.
set(LAYOUTFS_HOT tar codec stream layer image)

# layoutfs_library(NAME SOURCES file... [USES target...] [PRIVATE target...]): the library layoutfs_NAME of the current folder.
# What it USES is passed on to its users, so these must be allowed to use it too (tests/e2e/include_order.py).
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
