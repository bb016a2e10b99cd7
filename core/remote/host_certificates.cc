#include "core/remote/host_certificates.h"

#include <fcntl.h>

#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/file.h"

namespace layoutfs {
namespace {

constexpr std::string_view kAuthority = ".crt", kCertificate = ".cert", kKey = ".key";

// Returns the names in alphabetical order; empty if the directory cannot be listed.
std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    names.insert(entry->path().filename());
  return names;
}

std::string_view without(std::string_view name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

Result<TlsFiles> tls_files_in(const std::string& directory) {
  TlsFiles files;
  const auto names = names_in(directory);
  const auto path_of = [&](std::string_view name) { return directory + "/" + std::string(name); };
  for (const std::string& name : names) {
    if (name.ends_with(kAuthority)) {
      files.authorities.push_back(path_of(name));
    } else if (name.ends_with(kCertificate)) {
      const std::string key = std::string(without(name, kCertificate)) + std::string(kKey);
      if (!names.contains(key))
        return fail(
            Error(Errc::invalid_argument, path_of(name) + ": client certificate without its key " + key)
                .with_hint("certificates of authorities end in .crt"));
      if (!files.client) files.client = {.certificate = path_of(name), .key = path_of(key)};
    } else if (name.ends_with(kKey)) {
      const std::string certificate = std::string(without(name, kKey)) + std::string(kCertificate);
      if (!names.contains(certificate))
        return fail(Errc::invalid_argument,
                    path_of(name) + ": key without its client certificate " + certificate);
    }
  }
  return files;
}

}  // namespace

Status check_readable(const TlsFiles& files) {
  std::vector<std::string> paths = files.authorities;
  if (files.client) paths.insert(paths.end(), {files.client->certificate, files.client->key});
  for (const std::string& path : paths)
    if (auto file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK); !file)
      return fail(Errc::io, file.error().message());
  return {};
}

Result<TlsFiles> find_tls_files(const std::string& host, const ConfigPaths& paths) {
  if (host.empty() || host.starts_with('.') ||
      host.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
    return fail(Errc::invalid_argument, "invalid registry host '" + host + "'");
  for (const std::string& parent : {paths.user, paths.system, paths.docker}) {
    const std::string directory = parent + "/certs.d/" + host;
    std::error_code error;
    if (parent.empty() || !std::filesystem::exists(directory, error)) continue;
    auto files = tls_files_in(directory);
    if (!files) return files;
    if (auto checked = check_readable(*files); !checked) return fail(std::move(checked).error());
    return files;
  }
  return TlsFiles();
}

}  // namespace layoutfs
