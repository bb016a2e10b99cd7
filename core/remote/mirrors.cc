#include "core/remote/mirrors.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/oci/repository_names.h"
#include "core/remote/docker_hub.h"
#include "core/remote/hosts_toml.h"
#include "core/remote/registries_conf.h"

namespace layoutfs {
namespace {

std::string name_of(const std::string& host, const std::string& repository) {
  return repository.empty() ? host : host + "/" + repository;
}

bool is_used(const RegistryMirror& mirror, RemotePurpose purpose) {
  using Use = RegistryMirror::Use;
  if (purpose == RemotePurpose::push) return false;
  return mirror.use == Use::all ||
         mirror.use == (purpose == RemotePurpose::pull_by_digest ? Use::by_digest : Use::by_tag);
}

bool is_used(const HostsTomlServer& server, RemotePurpose purpose) {
  switch (purpose) {
    case RemotePurpose::pull_by_digest:
      return server.may_pull;
    case RemotePurpose::pull_by_tag:
      return server.may_pull && server.may_resolve;
    case RemotePurpose::push:
      return server.may_push;
  }
  return false;
}

std::unexpected<Error> blocked(const std::string& name, const RegistryEntry& entry) {
  return fail(Errc::denied, name + ": registry " + entry.prefix + " is blocked (" + entry.place + ")");
}

class EndpointList {
 public:
  EndpointList(const EndpointRequest& request, const RegistriesConf& conf) : request_(request), conf_(conf) {}

  // Adds the endpoints of `name`: a host and, if the request has one, a repository. `place` configures it.
  Status add(const std::string& name, bool is_insecure, bool is_mirror, const std::string& place) {
    const auto slash = std::min(name.find('/'), name.size());
    Endpoint endpoint{.host = name.substr(0, slash), .is_mirror = is_mirror};
    if (slash < name.size()) endpoint.repository = name.substr(slash + 1);
    const bool is_valid =
        is_host(endpoint.host) &&
        (endpoint.repository.empty() ? request_.repository.empty() : is_repository_name(endpoint.repository));
    if (!is_valid)
      return fail(Errc::invalid_argument,
                  (place.empty() ? "" : place + ": ") + "'" + name + "' is not HOST[:PORT]/REPOSITORY");
    // The location of a mirror may have an entry of its own, as a registry.
    const RegistryEntry* const own = conf_.find(name);
    if (own != nullptr && own->is_blocked) return is_mirror ? Status() : blocked(name, *own);
    add_schemes(std::move(endpoint), is_insecure || (own != nullptr && own->is_insecure));
    return {};
  }

  // Adds a server of hosts.toml.
  Status add(const HostsTomlServer& server, bool is_mirror, bool is_insecure) {
    const std::string& host = server.host.empty() ? request_.host : server.host;
    Endpoint endpoint{.has_api_path = server.has_api_path,
                      .host = host,
                      .repository = request_.repository,
                      .fields = server.fields,
                      .tls = server.tls,
                      .is_mirror = is_mirror};
    if (server.host.empty()) {
      add_schemes(std::move(endpoint), is_insecure || !server.tls.is_verified, is_insecure);
      return {};
    }
    const bool is_itself = registry_name(host) == registry_name(request_.host);
    if (!is_itself) endpoint.registry = request_.host;
    if (server.scheme == "http" && request_.is_tls_verified.value_or(false)) return {};
    endpoint.base_url = server.scheme + "://" + std::string(registry_server(host)) + server.path;
    endpoint.tls.is_verified =
        request_.is_tls_verified.value_or(server.tls.is_verified && !(is_itself && is_insecure));
    endpoints_.push_back(std::move(endpoint));
    return {};
  }

  Result<std::vector<Endpoint>> take() {
    if (endpoints_.empty())
      return fail(Error(Errc::denied, name_of(request_.host, request_.repository) +
                                          ": the configuration leaves no server for this")
                      .with_hint("check capabilities and http:// in hosts.toml of the registry"));
    return std::move(endpoints_);
  }

 private:
  static bool is_host(std::string_view host) {
    return is_registry_host(host) || is_registry_host(std::string(host) + ":1");
  }

  void add_schemes(Endpoint endpoint, bool is_unverified, bool is_http_allowed) {
    if (request_.is_tls_verified) is_unverified = is_http_allowed = !*request_.is_tls_verified;
    const std::string server(registry_server(endpoint.host));
    endpoint.base_url = "https://" + server;
    endpoint.tls.is_verified = !is_unverified;
    endpoints_.push_back(endpoint);
    if (!is_http_allowed) return;
    endpoint.base_url = "http://" + server;
    endpoints_.push_back(std::move(endpoint));
  }
  void add_schemes(Endpoint endpoint, bool is_insecure) {
    add_schemes(std::move(endpoint), is_insecure, is_insecure);
  }

  const EndpointRequest& request_;
  const RegistriesConf& conf_;
  std::vector<Endpoint> endpoints_;
};

Status add_redirected(const RegistryEntry& entry, const std::string& name, RemotePurpose purpose,
                      EndpointList& list) {
  for (const RegistryMirror& mirror : entry.mirrors) {
    if (!is_used(mirror, purpose)) continue;
    if (auto added = list.add(entry.rewritten(name, mirror.location), mirror.is_insecure, true, entry.place);
        !added)
      return added;
  }
  // A location is a mirror, too, in that it is not where images are pushed.
  const bool is_pull = purpose != RemotePurpose::push;
  return list.add(is_pull ? entry.rewritten(name, entry.location) : name, entry.is_insecure, false,
                  entry.place);
}

Status add_hosts(const std::vector<HostsTomlServer>& servers, RemotePurpose purpose, bool is_insecure,
                 EndpointList& list) {
  const HostsTomlServer& last = servers.back();
  if (purpose == RemotePurpose::push) {
    const auto listed = std::ranges::find(servers, true, &HostsTomlServer::is_push_listed);
    const HostsTomlServer& target = listed == servers.end() ? last : *listed;
    return is_used(target, purpose) ? list.add(target, &target != &last, is_insecure) : Status();
  }
  for (const HostsTomlServer& server : servers)
    if (is_used(server, purpose))
      if (auto added = list.add(server, &server != &last, is_insecure); !added) return added;
  return {};
}

}  // namespace

Result<std::vector<Endpoint>> find_endpoints(const EndpointRequest& request, const ConfigPaths& paths) {
  const auto conf = RegistriesConf::read(paths);
  if (!conf) return fail(Error(conf.error()));
  // Names of images have docker.io only; the other name is old.
  const std::string host(request.host == "index.docker.io" ? kDockerHub : request.host);
  const std::string name = name_of(host, request.repository);
  const RegistryEntry* const entry = conf->find(name);
  if (entry != nullptr && entry->is_blocked) return blocked(name, *entry);
  const bool is_insecure = entry != nullptr && entry->is_insecure;
  EndpointList list(request, *conf);
  Status added;
  if (entry != nullptr && entry->redirects()) {
    added = add_redirected(*entry, name, request.purpose, list);
  } else {
    const auto hosts = read_hosts_toml(host, paths);
    if (!hosts) return fail(Error(hosts.error()));
    added = *hosts ? add_hosts(**hosts, request.purpose, is_insecure, list)
                   : list.add(name, is_insecure, false, entry == nullptr ? "" : entry->place);
  }
  if (!added) return fail(std::move(added).error());
  return list.take();
}

}  // namespace layoutfs
