#include "core/remote/hosts_toml.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "core/base/ascii.h"
#include "core/http/fields.h"
#include "core/remote/toml_table.h"

namespace layoutfs {
namespace {

constexpr std::string_view kApiPath = "/v2";

bool is_url_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_:[]").contains(c);
}
bool is_url_path_char(char c) {
  return is_url_host_char(c) || std::string_view("/~%!$&'()*+,;=").contains(c);
}

// Splits "[SCHEME://]HOST[:PORT][/PATH]" into the members of `server`. Returns false if it is something else.
bool split_url(std::string_view url, HostsTomlServer& server) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    server.scheme = url.substr(0, scheme);
    url.remove_prefix(scheme + 3);
  }
  const auto slash = std::min(url.find('/'), url.size());
  server.host = url.substr(0, slash);
  server.path = url.substr(slash);
  server.path.resize(server.path.find_last_not_of('/') + 1);
  if (server.has_api_path && server.path.ends_with(kApiPath))
    server.path.resize(server.path.size() - kApiPath.size());
  return (server.scheme == "http" || server.scheme == "https") && !server.host.empty() &&
         std::ranges::all_of(server.host, is_url_host_char) &&
         std::ranges::all_of(server.path, is_url_path_char);
}

// Paths are relative to the directory of hosts.toml.
std::string absolute_path(const std::string& path, const std::string& directory) {
  return path.starts_with('/') ? path : directory + "/" + path;
}

Status parse_capabilities(const TomlTable& table, HostsTomlServer& server) {
  const auto capabilities = table.texts("capabilities");
  if (!capabilities) return fail(Error(capabilities.error()));
  if (capabilities->empty()) return {};
  server.may_pull = server.may_resolve = server.may_push = false;
  for (std::string capability : *capabilities) {
    std::ranges::transform(capability, capability.begin(), lower_ascii);
    if (capability == "pull")
      server.may_pull = true;
    else if (capability == "resolve")
      server.may_resolve = true;
    else if (capability == "push")
      server.may_push = server.is_push_listed = true;
    else
      return table.malformed("capabilities", "expected pull, resolve or push");
  }
  return {};
}

// Returns the first of: a file with certificate and key, an array of those, an array of pairs of files.
Result<std::optional<TlsFiles::Client>> parse_client(const TomlTable& table, const std::string& directory) {
  using Kind = TomlValue::Kind;
  const TomlValue* value = table.value().find("client");
  if (value == nullptr) return std::nullopt;
  if (value->kind == Kind::array) {
    if (value->elements.empty()) return std::nullopt;
    value = &value->elements.front();
  }
  std::string certificate = value->text, key;
  if (value->kind == Kind::array && value->elements.size() == 2 && value->elements[0].kind == Kind::string &&
      value->elements[1].kind == Kind::string) {
    certificate = value->elements[0].text;
    key = value->elements[1].text;
  } else if (value->kind != Kind::string) {
    return table.malformed("client", "expected a path, paths, or pairs of paths");
  }
  if (certificate.empty()) return table.malformed("client", "empty path");
  return TlsFiles::Client{absolute_path(certificate, directory),
                          absolute_path(key.empty() ? certificate : key, directory)};
}

Status parse_fields(const TomlTable& table, HostsTomlServer& server) {
  const auto header = table.table("header");
  if (!header) return fail(Error(header.error()));
  if (!*header) return {};
  for (const std::string& name : (*header)->value().names) {
    const auto values = (*header)->texts(name);
    if (!values) return fail(Error(values.error()));
    if (!is_token(name) || !std::ranges::all_of(*values, is_field_value))
      return table.malformed("header", "not a header field");
    for (const std::string& value : *values) server.fields.emplace_back(name, value);
  }
  return {};
}

// `url` may be empty.
Result<HostsTomlServer> parse_server(const TomlTable& table, std::string_view url,
                                     const std::string& directory) {
  HostsTomlServer server{.scheme = "https"};
  const auto is_path_overridden = table.flag("override_path");
  if (!is_path_overridden) return fail(Error(is_path_overridden.error()));
  server.has_api_path = !is_path_overridden->value_or(false);
  if (url.empty())
    server.has_api_path = true;
  else if (!split_url(url, server))
    return table.malformed("server", "expected http[s]://HOST[:PORT][/PATH]");

  if (auto parsed = parse_capabilities(table, server); !parsed) return fail(std::move(parsed).error());
  const auto is_unverified = table.flag("skip_verify");
  if (!is_unverified) return fail(Error(is_unverified.error()));
  server.tls.is_verified = !is_unverified->value_or(false);
  const auto authorities = table.texts("ca");
  if (!authorities) return fail(Error(authorities.error()));
  for (const std::string& path : *authorities)
    server.tls.authorities.push_back(absolute_path(path, directory));
  auto client = parse_client(table, directory);
  if (!client) return fail(std::move(client).error());
  server.tls.client = std::move(*client);
  if (auto parsed = parse_fields(table, server); !parsed) return fail(std::move(parsed).error());
  return server;
}

Result<std::vector<HostsTomlServer>> parse_hosts(const TomlDocument& document) {
  std::vector<HostsTomlServer> servers;
  const std::string directory = std::filesystem::path(document.path).parent_path();
  const TomlTable root(document);
  const auto mirrors = root.table("host");
  if (!mirrors) return fail(Error(mirrors.error()));
  const std::vector<std::string> urls = *mirrors ? (*mirrors)->value().names : std::vector<std::string>();
  for (const std::string& url : urls) {
    const auto mirror = (*mirrors)->table(url);
    if (!mirror) return fail(Error(mirror.error()));
    if (url.empty()) return (*mirrors)->malformed(url, "empty URL");
    auto server = parse_server(**mirror, url, directory);
    if (!server) return fail(std::move(server).error());
    servers.push_back(std::move(*server));
  }
  const auto url = root.text("server");
  if (!url) return fail(Error(url.error()));
  auto server = parse_server(root, *url, directory);
  if (!server) return fail(std::move(server).error());
  servers.push_back(std::move(*server));
  return servers;
}

// Returns the names of the directory of a host: "localhost_5000_" and "localhost:5000".
std::vector<std::string> directory_names(const std::string& host) {
  const auto colon = host.rfind(':');
  if (colon == std::string::npos || host.ends_with(']')) return {host};
  return {host.substr(0, colon) + "_" + host.substr(colon + 1) + "_", host};
}

}  // namespace

Result<std::optional<std::vector<HostsTomlServer>>> read_hosts_toml(const std::string& host,
                                                                    const ConfigPaths& paths) {
  if (!std::ranges::all_of(host, is_url_host_char) || host.empty() || host.starts_with('.'))
    return fail(Errc::invalid_argument, "invalid registry host '" + host + "'");
  const std::array candidates = {directory_names(host), std::vector<std::string>{"_default"}};
  for (const auto& names : candidates)
    for (const std::string& parent : {paths.user, paths.system, paths.containerd})
      for (const std::string& name : names) {
        if (parent.empty()) continue;
        const auto document = TomlDocument::read(parent + "/certs.d/" + name + "/hosts.toml");
        if (!document) return fail(Error(document.error()));
        if (!*document) continue;
        auto servers = parse_hosts(**document);
        if (!servers) return fail(std::move(servers).error());
        return std::move(*servers);
      }
  return std::nullopt;
}

}  // namespace layoutfs
