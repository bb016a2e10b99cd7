// The texts of a table file, concatenated; repeated ones can be stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace layoutfs {

// `Text` is the FlatBuffers struct of the file: an offset into the pool, and a size. The pool depends only on
// the texts and their order. The caller must limit sizes, because offsets have 32 bits.
class TextPool {
 public:
  TextPool();

  template <class Text>
  Text add(std::string_view text) {
    return made<Text>(append(text));
  }
  // For texts that are likely to repeat: stores an entry for each. Cost: constant on average, even for texts
  // chosen to collide.
  template <class Text>
  Text add_shared(std::string_view text) {
    return made<Text>(find_or_append(text));
  }

  const std::string& bytes() const { return bytes_; }
  // The largest number of entries that one lookup may compare.
  std::size_t longest_chain() const;

 private:
  struct Note {
    std::uint32_t offset, size;
  };
  // Compares stored and external texts by content. Layers choose the texts, so the hash has a secret seed.
  struct Content {
    using is_transparent = void;
    const std::string* bytes;
    std::string_view of(std::string_view text) const { return text; }
    std::string_view of(Note note) const { return std::string_view(*bytes).substr(note.offset, note.size); }
  };
  struct Hash : Content {
    std::uint64_t seed;
    std::size_t of_text(std::string_view text) const;
    std::size_t operator()(const auto& text) const { return of_text(this->of(text)); }
  };
  struct Equal : Content {
    bool operator()(const auto& left, const auto& right) const { return this->of(left) == this->of(right); }
  };

  template <class Text>
  static Text made(Note note) {
    return {note.offset, note.size};
  }
  Note append(std::string_view text);
  Note find_or_append(std::string_view text);

  std::string bytes_;
  std::unordered_set<Note, Hash, Equal> notes_;

 public:
  TextPool(const TextPool&) = delete;  // the entries refer to bytes_
  TextPool& operator=(const TextPool&) = delete;
};

}  // namespace layoutfs
