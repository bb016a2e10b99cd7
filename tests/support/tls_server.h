// For tests: a TLS server on loopback, `openssl s_server`, which serves files.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace layoutfs::testing {

// Writes `directory`/`name`.crt, which signs itself, and `name`.key. `subject` is a host: "DNS:localhost".
inline void make_certificate(const std::string& directory, const std::string& name,
                             const std::string& subject) {
  const std::string path = directory + "/" + name;
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test "
      "-addext subjectAltName=" +
      subject + " -keyout " + path + ".key -out " + path + ".crt 2>/dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl req failed");
}

class TlsServer {
 public:
  // Serves the files of `directory` with NAME.crt and NAME.key there. `options` are further ones of
  // `openssl s_server`. Ends after a minute at the latest.
  TlsServer(const std::string& directory, const std::string& name, const std::string& options = "") {
    const std::string command = "cd " + directory +
                                " && echo $$ && exec timeout 60 openssl s_server -accept " +
                                "127.0.0.1:0 -WWW -cert " + name + ".crt -key " + name + ".key " + options +
                                " </dev/null 2>/dev/null";
    output_ = ::popen(command.c_str(), "re");
    char line[256];
    if (output_ != nullptr && std::fgets(line, sizeof line, output_) != nullptr) pid_ = std::atoi(line);
    while (pid_ > 0 && port_ == 0 && std::fgets(line, sizeof line, output_) != nullptr)
      if (std::sscanf(line, "ACCEPT 127.0.0.1:%d", &port_) != 1) port_ = 0;
    if (port_ == 0) {
      stop();
      throw std::runtime_error("openssl s_server did not start");
    }
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer() { stop(); }

  // Returns the URL of a file, for a client that knows the server by the name `host`.
  std::string url(const std::string& file, const std::string& host = "localhost") const {
    return "https://" + host + ":" + std::to_string(port_) + "/" + file;
  }

 private:
  void stop() {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
    if (output_ != nullptr) ::pclose(output_);
  }

  std::FILE* output_ = nullptr;
  pid_t pid_ = 0;
  int port_ = 0;
};

}  // namespace layoutfs::testing
