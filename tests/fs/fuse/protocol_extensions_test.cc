// Requests and answers on their way between the kernel and libfuse: those that are changed, and all others.
#include "fs/fuse/protocol_extensions.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/file.h"

namespace layoutfs {
namespace {

constexpr std::uint32_t kIdmap2 = 1 << 8;

struct InitRequest {
  fuse_in_header header{.len = sizeof(InitRequest), .opcode = FUSE_INIT, .unique = 2};
  fuse_init_in init{.major = 7, .minor = 41, .flags = FUSE_INIT_EXT, .flags2 = 0xffff};
};
struct InitAnswer {
  fuse_out_header header{.len = sizeof(InitAnswer), .error = 0, .unique = 2};
  fuse_init_out init{.major = 7, .minor = 38, .flags = FUSE_INIT_EXT | 1, .max_write = 7, .flags2 = 1};
};

template <class Message>
std::string bytes_of(const Message& message) {
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

// The kernel is the other end of a pair of sockets.
class ProtocolExtensionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
    device_ = UniqueFd(ends[0]);
    kernel_ = UniqueFd(ends[1]);
  }
  void ask(const InitRequest& request, std::size_t size = sizeof(InitRequest)) {
    extensions_.look_at(std::span(reinterpret_cast<const std::byte*>(&request), size));
  }
  // Returns the bytes at the kernel's end if libfuse sends `message` in parts of these lengths; the last part
  // has the rest.
  std::string sent(std::string message, const std::vector<std::size_t>& lengths = {sizeof(fuse_out_header)}) {
    const std::string before = message;
    std::vector<iovec> parts;
    std::size_t at = 0;
    for (const std::size_t length : lengths) {
      parts.push_back({message.data() + at, length});
      at += length;
    }
    if (at < message.size()) parts.push_back({message.data() + at, message.size() - at});
    EXPECT_EQ(extensions_.send(device_.get(), parts), static_cast<ssize_t>(message.size()));
    EXPECT_EQ(message, before) << "the memory of libfuse was written to";
    std::array<char, 4096> got{};
    const ssize_t length = ::read(kernel_.get(), got.data(), got.size());
    return {got.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  }
  ProtocolExtensions extensions_;
  UniqueFd device_, kernel_;
};

TEST_F(ProtocolExtensionsTest, AllowsIdmappedMountsIfTheKernelOffersThem) {
  ask({});
  EXPECT_TRUE(extensions_.is_answer_due());
  InitAnswer expected;
  expected.init.flags2 |= kIdmap2;
  EXPECT_EQ(sent(bytes_of(InitAnswer{})), bytes_of(expected));
  EXPECT_FALSE(extensions_.is_answer_due());
}

TEST_F(ProtocolExtensionsTest, AsksForNothingThatTheKernelDoesNotOffer) {
  InitRequest old_minor, other_major, no_idmap, no_extension, other_length, other_operation;
  old_minor.init.minor = 40;
  other_major.init.major = 8;
  no_idmap.init.flags2 = 0xffff & ~kIdmap2;
  no_extension.init.flags = 0;
  other_length.header.len -= 8;
  other_operation.header.opcode = FUSE_GETATTR;
  for (const InitRequest* request :
       {&old_minor, &other_major, &no_idmap, &no_extension, &other_length, &other_operation}) {
    ask(*request);
    EXPECT_FALSE(extensions_.is_answer_due());
    EXPECT_EQ(sent(bytes_of(InitAnswer{})), bytes_of(InitAnswer{}));
  }
  ask({}, sizeof(InitRequest) - 8);
  EXPECT_FALSE(extensions_.is_answer_due());
}

TEST_F(ProtocolExtensionsTest, PassesEveryOtherAnswerUnchanged) {
  InitAnswer other_major, no_extension, failed;
  other_major.init.major = 8;
  no_extension.init.flags = 1;
  failed.header.error = -71;
  for (const InitAnswer* answer : {&other_major, &no_extension, &failed}) {
    ask({});
    EXPECT_EQ(sent(bytes_of(*answer)), bytes_of(*answer));
    EXPECT_FALSE(extensions_.is_answer_due()) << "a request is answered once";
  }
  ask({});
  InitAnswer other_request, notification;
  other_request.header.unique = 4;
  notification.header.unique = 0;
  EXPECT_EQ(sent(bytes_of(other_request)), bytes_of(other_request));
  EXPECT_EQ(sent(bytes_of(notification)), bytes_of(notification));
  EXPECT_TRUE(extensions_.is_answer_due());
  // The short answer to protocols before 7.23.
  InitAnswer brief;
  brief.header.len = sizeof(fuse_out_header) + 24;
  EXPECT_EQ(sent(bytes_of(brief).substr(0, brief.header.len)), bytes_of(brief).substr(0, brief.header.len));
}

TEST_F(ProtocolExtensionsTest, PassesAnswersInOtherPartsUnchanged) {
  for (const std::vector<std::size_t>& lengths :
       std::vector<std::vector<std::size_t>>{{}, {8}, {16, 8}, {16, 64, 0}}) {
    ask({});
    EXPECT_EQ(sent(bytes_of(InitAnswer{}), lengths), bytes_of(InitAnswer{}));
  }
}

}  // namespace
}  // namespace layoutfs
