// Fuzzes users' configuration of registries: the first byte says which file the rest is. Errors must be one
// line about the file, and endpoints must be URLs.
#include <stdlib.h>

#include <algorithm>

#include "core/remote/credentials.h"
#include "core/remote/mirrors.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::fuzzing {
namespace {

bool is_one_line(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

void check_error(const Error& error) {
  check(!error.message().empty() && is_one_line(error.message()), "an error is not one line");
  check(is_one_line(error.hint()), "a hint is not one line");
}

void check_endpoints(const ConfigPaths& paths, std::string_view host) {
  for (const auto purpose :
       {RemotePurpose::pull_by_digest, RemotePurpose::pull_by_tag, RemotePurpose::push}) {
    const auto endpoints = find_endpoints({std::string(host), "library/app", purpose, {}}, paths);
    if (!endpoints) {
      check_error(endpoints.error());
      continue;
    }
    check(!endpoints->empty(), "there is no endpoint");
    for (const Endpoint& endpoint : *endpoints) {
      const std::string& url = endpoint.base_url;
      check(url.starts_with("https://") || url.starts_with("http://"), "an endpoint has another scheme");
      check(is_one_line(url) && url.find_first_of(" ?#@") == std::string::npos, "an endpoint is not a URL");
      check(!endpoint.host.empty() && !endpoint.repository.empty(), "an endpoint is incomplete");
      for (const auto& [name, value] : endpoint.fields)
        check((name + value).find_first_of("\r\n") == std::string::npos, "a field is two lines");
    }
  }
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs;
  using namespace layoutfs::fuzzing;
  static const testing::TempDir directory;
  // No helper program may run.
  static const bool is_without_programs = ::setenv("PATH", "/nonexistent", 1) == 0;
  check(is_without_programs, "PATH cannot be set");
  Input input(data, size);
  const int file = input.byte() % 3;
  const ConfigPaths paths{
      .user = directory / std::to_string(file), .system = "", .docker = "", .containerd = ""};
  if (file == 0) {
    testing::write_file(directory / "auth.json", input.rest());
    const CredentialFiles files{.searched = {directory / "auth.json"}};
    for (const char* const host : {"quay.io", "docker.io", "localhost:5000"})
      if (const auto found = find_credentials(files, host, "library/app"); !found) check_error(found.error());
  } else if (file == 1) {
    testing::write_file(paths.user + "/registries.conf", input.rest());
    for (const char* const host : {"quay.io", "docker.io", "a.b.example.com:5000"})
      check_endpoints(paths, host);
  } else {
    testing::write_file(paths.user + "/certs.d/_default/hosts.toml", input.rest());
    check_endpoints(paths, "docker.io");
  }
  return 0;
}
