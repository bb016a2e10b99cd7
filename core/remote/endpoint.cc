#include "core/remote/endpoint.h"

#include "core/remote/host_certificates.h"

namespace layoutfs {

Result<TlsFiles> find_tls_files(const Endpoint& endpoint, const ConfigPaths& paths) {
  auto files = find_tls_files(endpoint.host, paths);
  if (!files) return files;
  const TlsFiles& own = endpoint.tls;
  files->authorities.insert(files->authorities.begin(), own.authorities.begin(), own.authorities.end());
  if (own.client) files->client = own.client;
  files->is_verified = own.is_verified;
  if (auto checked = check_readable(own); !checked) return fail(std::move(checked).error());
  return files;
}

}  // namespace layoutfs
