// The tokens that token servers have given (distribution specification, "Token Authentication" and "OAuth2
// Token Authentication").
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/guarded.h"
#include "core/remote/auth_challenge.h"
#include "core/remote/credentials.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

class RemoteAccess;

// The token that a request needs.
struct TokenRequest {
  AuthChallenge challenge;  // with Scheme::bearer
  std::string host;         // the registry with the credentials
  std::string repository;
};

struct Token {
  std::string text;
  std::chrono::steady_clock::time_point expires;
};

// Thread-safe. Waits for the network without a lock; two threads may ask for the same token at once.
class TokenStore {
 public:
  // Returns a token that does not expire soon, from the store or from the token server. The credentials are
  // read again for each request to the server. Errc::denied if the server refuses them. Errc::io if it does
  // not answer as one. Errors of find_credentials() and HttpClient::send().
  Result<std::string> get(const TokenRequest& request, const RemoteAccess& access, const Context& context);
  // Forgets a token that a registry has refused.
  void forget(const TokenRequest& request);

 private:
  Guarded<std::map<std::string, Token>> tokens_;  // by server, service, scope, host and repository
};

// Returns the token in the response of a token server. It is used until a tenth of its life is left. Errc::io
// if it has none.
Result<Token> parse_token(ByteView response, std::chrono::steady_clock::time_point now);

}  // namespace layoutfs
