#include "core/remote/remote_access.h"

#include <utility>

#include "core/remote/host_certificates.h"

namespace layoutfs {

RemoteOptions RemoteOptions::from_environment(const std::string& auth_file) {
  RemoteOptions options;
  options.credentials = CredentialFiles::from_environment(auth_file);
  options.paths = ConfigPaths::from_environment();
  return options;
}

Result<TlsFiles> RemoteAccess::tls_files(const std::string& host) const {
  return with_option(find_tls_files(host, options_.paths));
}

Result<TlsFiles> RemoteAccess::tls_files(const Endpoint& endpoint) const {
  return with_option(find_tls_files(endpoint, options_.paths));
}

Result<TlsFiles> RemoteAccess::with_option(Result<TlsFiles> files) const {
  if (files && options_.is_tls_verified) files->is_verified = *options_.is_tls_verified;
  return files;
}

Result<Credentials> RemoteAccess::credentials(const std::string& host, const std::string& repository,
                                              const Context& context) const {
  return find_credentials(options_.credentials, host, repository, context);
}

}  // namespace layoutfs
