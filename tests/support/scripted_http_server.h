// For tests: an HTTP server on loopback with answers, and failures, that are scripted byte by byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/guarded.h"

namespace layoutfs::testing {

class ScriptedHttpServer {
 public:
  struct Request {
    std::string method, target;                 // "GET", "/v2/?n=1"
    std::string header;                         // all lines, with "\r\n" behind each
    std::map<std::string, std::string> fields;  // by name in lower case; the last one of each name

    std::string field(const std::string& name) const {
      const auto found = fields.find(name);
      return found == fields.end() ? "" : found->second;
    }
  };

  // One connection of a client; for the script.
  class Connection {
   public:
    Connection(int fd, Guarded<std::vector<int>>& served) : fd_(fd), served_(served) {}
    ~Connection() { close(); }

    // Sends bytes as they are. Returns false if the client is gone.
    bool send(std::string_view bytes) {
      while (!bytes.empty()) {
        const auto sent =
            retried([&] { return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
    // Sends a response with a Content-Length; `fields` are whole lines ("Location: /a\r\n").
    bool answer(int status, std::string_view body = "", const std::string& fields = "") {
      std::string response = "HTTP/1.1 " + std::to_string(status) +
                             " Scripted\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields +
                             "\r\n";
      return send(response += body);
    }
    // Returns the next `size` bytes of the client; fewer if it closes the connection.
    std::string receive(std::size_t size) {
      while (received_.size() < size && receive_more()) {
      }
      return take(std::min(size, received_.size()));
    }
    // Returns the body of a request with a Content-Length.
    std::string body_of(const Request& request) {
      const std::string size = request.field("content-length");
      return receive(size.empty() ? 0 : std::stoull(size));
    }
    // Waits until the client closes the connection, or until the server is destroyed.
    void wait_until_closed() {
      while (receive_more()) received_.clear();
    }
    // Ends the connection by a reset (RST), which drops bytes that were not sent yet.
    void reset() {
      const linger at_once{1, 0};
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      close();
    }
    void close() {
      // The number of the descriptor may be reused as soon as it is closed.
      auto served = served_.lock();
      std::erase(*served, fd_.get());
      fd_.reset();
    }
    bool is_open() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }

   private:
    friend class ScriptedHttpServer;
    bool receive_more() {
      std::array<char, 65536> piece;
      const auto got = retried([&] { return ::recv(fd_.get(), piece.data(), piece.size(), 0); });
      if (got > 0) received_.append(piece.data(), static_cast<std::size_t>(got));
      return got > 0;
    }
    std::string take(std::size_t size) {
      std::string taken = received_.substr(0, size);
      received_.erase(0, size);
      return taken;
    }
    // Returns an empty header if the client has closed the connection.
    std::string receive_header() {
      while (!received_.contains("\r\n\r\n")) {
        if (!receive_more()) return "";
        if (received_.starts_with('\x16')) {  // a handshake of TLS, which plain servers answer so
          send("HTTP/1.1 400 Bad Request\r\n\r\n");
          return "";
        }
      }
      return take(received_.find("\r\n\r\n") + 2 + 2);
    }

    UniqueFd fd_;
    Guarded<std::vector<int>>& served_;
    std::string received_;  // and not used yet
  };

  // Answers one request. Requests of one connection arrive one after the other, those of several at the same
  // time. The connection is kept for further requests unless the script closes it.
  using Script = std::function<void(const Request&, Connection&)>;

  explicit ScriptedHttpServer(Script script) : script_(std::move(script)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
        ::getsockname(listener_.get(), generic, &size) != 0)
      throw std::runtime_error("no listening socket on loopback");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ScriptedHttpServer(const ScriptedHttpServer&) = delete;
  ScriptedHttpServer& operator=(const ScriptedHttpServer&) = delete;
  // Ends all connections, so that scripts which wait for the client return. Scripts must not wait for
  // anything else for long.
  ~ScriptedHttpServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
      auto served = served_.lock();
      for (const int fd : *served) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  std::uint16_t port() const { return port_; }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url(const std::string& target = "/") const { return "http://" + host() + target; }
  // Returns the number of connections so far.
  int accepted() const { return accepted_; }
  // Returns "METHOD TARGET" of all requests so far, in their order.
  std::vector<std::string> requests() { return *requests_.lock(); }

 private:
  void accept_all() {
    while (true) {
      const int fd = retried([&] { return ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC); });
      if (fd < 0) return;
      ++accepted_;
      served_.lock()->push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    Connection connection(fd, served_);
    while (connection.is_open()) {
      const std::string header = connection.receive_header();
      if (header.empty()) return;
      const Request request = parsed(header);
      requests_.lock()->push_back(request.method + " " + request.target);
      script_(request, connection);
    }
  }

  static Request parsed(const std::string& header) {
    Request request{.header = header};
    const auto space = header.find(' ');
    request.method = header.substr(0, space);
    request.target = header.substr(space + 1, header.find(' ', space + 1) - space - 1);
    for (auto begin = header.find("\r\n") + 2; begin < header.size();) {
      const auto end = header.find("\r\n", begin);
      const auto colon = header.find(':', begin);
      if (colon < end) {
        std::string name = header.substr(begin, colon - begin);
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
        const auto value = header.find_first_not_of(' ', colon + 1);
        request.fields[name] = header.substr(value, end - value);
      }
      begin = end + 2;
    }
    return request;
  }

  const Script script_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  Guarded<std::vector<std::string>> requests_;
  Guarded<std::vector<int>> served_;  // descriptors that are open
  std::list<std::thread> threads_;    // of the acceptor until it has ended
  std::thread acceptor_;
};

}  // namespace layoutfs::testing
