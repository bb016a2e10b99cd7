#include "core/remote/credentials.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/base64.h"
#include "core/base/environment.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/remote/config_file.h"
#include "core/remote/credential_helper.h"
#include "core/remote/docker_hub.h"

namespace layoutfs {
namespace {

// The name by which `docker login` hands it to helpers.
constexpr const char* kDockerHubKey = "https://index.docker.io/v1/";

using Found = Result<std::optional<Credentials>>;

// Returns the host of keys with a scheme, which old programs wrote: "https://HOST/v1/".
std::string_view host_of_key(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
      return key.substr(0, key.find('/'));
    }
  return key;
}

class AuthFile {
 public:
  // nullopt if there is no such file.
  static Result<std::optional<AuthFile>> open(const std::string& path) {
    auto content = read_config_file(path);
    if (!content) return fail(std::move(content).error());
    if (!*content) return std::nullopt;
    // `podman logout` and a redirection can leave an empty file.
    if (as_text(**content).find_first_not_of(" \t\r\n") == std::string_view::npos) return std::nullopt;
    auto document = JsonDocument::parse(**content, {.bytes = kMaxConfigFile});
    if (!document) return fail(Errc::invalid_argument, path + ": " + document.error().message());
    if (!document->root().is_object()) return fail(Errc::invalid_argument, path + ": not a JSON object");
    return AuthFile(path, std::move(*document));
  }

  Found find(const std::string& host, const std::string& repository, const Context& context) const {
    const auto helper = helper_of(host);
    if (helper && !helper->name.empty())
      if (auto found = run_credential_helper(helper->name, helper->server, path_, context); !found || *found)
        return found;
    if (auto found = find_in_auths(host, repository); !found || *found) return found;
    // An empty helper of a host means that its credentials are not in the store.
    const auto store = document_.root().find("credsStore");
    if (helper || !store || store->as_string().value_or("").empty()) return std::nullopt;
    const std::string server = registry_name(host) == kDockerHub ? kDockerHubKey : host;
    return run_credential_helper(std::string(*store->as_string()), server, path_, context);
  }

 private:
  struct Helper {
    std::string name, server;
  };

  AuthFile(std::string path, JsonDocument document)
      : path_(std::move(path)), document_(std::move(document)) {}

  std::optional<Helper> helper_of(const std::string& host) const {
    const auto helpers = document_.root().find("credHelpers");
    if (!helpers || !helpers->is_object()) return std::nullopt;
    if (const auto exact = helpers->find(host))
      return Helper{std::string(exact->as_string().value_or("")), host};
    for (std::size_t i = 0; i < helpers->size(); ++i)
      if (registry_name(host_of_key(helpers->name_at(i))) == registry_name(host))
        return Helper{std::string(helpers->at(i).as_string().value_or("")), std::string(helpers->name_at(i))};
    return std::nullopt;
  }

  Found find_in_auths(const std::string& host, const std::string& repository) const {
    const auto auths = document_.root().find("auths");
    if (!auths || !auths->is_object()) return std::nullopt;
    std::string key = repository.empty() ? host : host + "/" + repository;
    while (true) {
      if (const auto entry = auths->find(key))
        if (auto found = credentials_of(key, *entry); !found || *found) return found;
      if (key.size() <= host.size()) break;
      key.resize(std::max(key.rfind('/'), host.size()));
    }
    for (std::size_t i = 0; i < auths->size(); ++i)
      if (registry_name(host_of_key(auths->name_at(i))) == registry_name(host))
        if (auto found = credentials_of(auths->name_at(i), auths->at(i)); !found || *found) return found;
    return std::nullopt;
  }

  // Returns nullopt for an entry without credentials, which `docker login` adds for hosts of a helper.
  Found credentials_of(std::string_view key, JsonValue entry) const {
    const auto malformed = [&](std::string_view reason) {
      return fail(Errc::invalid_argument, path_ + ": auths '" + printable(key) + "': " + std::string(reason));
    };
    if (!entry.is_object()) return malformed("not an object");
    std::array<std::string, 4> values;
    constexpr std::array<std::string_view, 4> kNames = {"auth", "username", "password", "identitytoken"};
    for (std::size_t i = 0; i < kNames.size(); ++i)
      if (const auto value = entry.find(kNames[i]); value && !value->is_null()) {
        if (!value->as_string()) return malformed(std::string(kNames[i]) + " is not a string");
        values[i] = *value->as_string();
      }
    auto& [auth, user, password, token] = values;
    if (!auth.empty()) {
      const auto decoded = base64_bytes(auth);
      const std::string_view text = decoded ? as_text(*decoded) : std::string_view();
      const auto colon = text.find(':');
      if (colon == std::string_view::npos) return malformed("auth is not the base64 of USER:PASSWORD");
      user = text.substr(0, colon);
      password = text.substr(colon + 1);
      // Some programs encode the terminator, too.
      password.resize(password.find_last_not_of('\0') + 1);
    }
    Credentials found{std::move(user), std::move(password), std::move(token), path_};
    if (found.is_anonymous()) return std::nullopt;
    return found;
  }

  std::string path_;
  JsonDocument document_;
};

}  // namespace

CredentialFiles CredentialFiles::from_environment(const std::string& auth_file) {
  CredentialFiles files;
  if (!auth_file.empty()) return {.auth_file = auth_file, .auth_file_from = "--authfile"};
  if (std::string path = environment_variable("REGISTRY_AUTH_FILE"); !path.empty())
    return {.auth_file = std::move(path), .auth_file_from = "REGISTRY_AUTH_FILE"};
  const std::string runtime = environment_variable("XDG_RUNTIME_DIR");
  files.searched.push_back(runtime.empty() ? "/run/containers/" + std::to_string(::getuid()) + "/auth.json"
                                           : runtime + "/containers/auth.json");
  if (const std::string directory = xdg_directory("XDG_CONFIG_HOME", ".config"); !directory.empty())
    files.searched.push_back(directory + "/containers/auth.json");
  std::string docker = environment_variable("DOCKER_CONFIG");
  const std::string home = environment_variable("HOME");
  if (docker.empty() && !home.empty()) docker = home + "/.docker";
  if (!docker.empty()) files.searched.push_back(docker + "/config.json");
  return files;
}

Result<Credentials> find_credentials(const CredentialFiles& files, const std::string& host,
                                     const std::string& repository, const Context& context) {
  const bool is_chosen = !files.auth_file.empty();
  const std::vector<std::string> paths = is_chosen ? std::vector{files.auth_file} : files.searched;
  for (const std::string& path : paths) {
    const auto file = AuthFile::open(path);
    if (!file) return fail(Error(file.error()));
    if (!*file) continue;
    auto found = (*file)->find(host, repository, context);
    if (!found) return fail(std::move(found).error());
    if (*found) return std::move(**found);
  }
  if (is_chosen && ::access(files.auth_file.c_str(), F_OK) != 0)
    return fail(Error(Errc::not_found, files.auth_file + ": file of credentials does not exist")
                    .with_hint("check " + files.auth_file_from + ", or run: skopeo login --authfile " +
                               files.auth_file + " " + host));
  return Credentials();
}

}  // namespace layoutfs
