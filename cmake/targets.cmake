# How the targets of this project are built: one library for each folder, so that an include that goes down the list
# of folders does not link.

add_library(layoutfs_options INTERFACE)
target_include_directories(layoutfs_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(layoutfs_options INTERFACE
  # As some libraries ask for it: all sources or none may share precompiled headers.
  -pthread
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wformat=2 -Wno-missing-field-initializers
  # With -O3, g++ 12 sees overlapping and overflowing copies inside std::string and std::vector that are not there
  # (GCC bugs 105651 and 105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-stringop-overflow>
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

# The headers of the standard library that most sources use. To read them is half of the work of a compiler that does not
# optimize much.
set(LAYOUTFS_COMMON_HEADERS <algorithm> <array> <atomic> <chrono> <condition_variable> <cstddef> <cstdint> <cstring>
  <expected> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread>
  <tuple> <unordered_map> <utility> <variant> <vector>)

# layoutfs_precompile(TARGET): with these headers precompiled, where sanitizers are. Only there: all other builds show which
# source forgets to include what it needs.
function(layoutfs_precompile target)
  if(LAYOUTFS_SANITIZE)
    if(NOT TARGET layoutfs_common_headers)
      add_library(layoutfs_common_headers OBJECT ${PROJECT_SOURCE_DIR}/cmake/common_headers.cc)
      target_link_libraries(layoutfs_common_headers PRIVATE layoutfs_options)
      target_precompile_headers(layoutfs_common_headers PRIVATE ${LAYOUTFS_COMMON_HEADERS})
    endif()
    target_precompile_headers(${target} REUSE_FROM layoutfs_common_headers)
  endif()
endfunction()

# layoutfs_library(NAME SOURCES file... [USES target...]): the library layoutfs_NAME of the current folder.
function(layoutfs_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;PRIVATE" ${ARGN})
  add_library(layoutfs_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(layoutfs_${name} PUBLIC layoutfs_options ${ARG_USES} PRIVATE ${ARG_PRIVATE})
  layoutfs_precompile(layoutfs_${name})
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
