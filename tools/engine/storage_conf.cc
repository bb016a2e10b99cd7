// Edits a list of strings in a TOML file in place.
//
// The scanner knows as much of TOML 1.0 as separates tables, keys and values: strings of all four kinds,
// comments, and brackets. It finds the place of the list; the text around it is copied.
#include "tools/engine/storage_conf.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace layoutfs::tools {
namespace {

constexpr std::string_view kTable = "storage.options", kKey = "additionalimagestores";
constexpr std::size_t kNowhere = std::string_view::npos;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  return begin == kNowhere ? std::string_view()
                           : text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// Returns the position after the string that starts at `at`; kNowhere if it does not end.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool is_long = text.substr(at).starts_with(std::string(3, quote));
  const std::string end(is_long ? 3 : 1, quote);
  for (at += end.size(); at < text.size(); ++at) {
    if (text.substr(at).starts_with(end)) return at + end.size();
    if (!is_long && text[at] == '\n') return kNowhere;
    if (quote == '"' && text[at] == '\\') ++at;
  }
  return kNowhere;
}

// Returns the position after the value that starts at `at`: the end of its line, outside of strings and
// brackets, or the start of its comment. kNowhere if it does not end.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
      case '\'':
        at = end_of_string(text, at);
        if (at == kNowhere) return at;
        continue;
      case '[':
      case '{':
        ++depth;
        break;
      case ']':
      case '}':
        if (depth-- == 0) return kNowhere;
        break;
      case '#':
        if (depth == 0) return at;
        at = text.find('\n', at);
        if (at == kNowhere) return at;
        break;
      case '\n':
        if (depth == 0) return at;
        break;
    }
    ++at;
  }
  return depth == 0 ? at : kNowhere;
}

// A string of a list, with its quotes, in the text.
struct Item {
  std::size_t begin, end;
};

// The list, and the places to put one.
struct Place {
  std::optional<std::size_t> after_header;        // after the line [storage.options]
  std::size_t key = kNowhere;                     // of the list, if there is one
  std::size_t open = kNowhere, close = kNowhere;  // its brackets
  std::vector<Item> items;
};

std::unexpected<Error> not_toml(std::string_view text, std::size_t at) {
  std::size_t line = 1;
  for (const char c : text.substr(0, at)) line += c == '\n' ? 1 : 0;
  return fail(Errc::invalid_argument, "line " + std::to_string(line) + " is not valid TOML");
}

std::unexpected<Error> other_form() {
  return fail(Errc::unsupported,
              "the additional image stores are not a list of strings below [" + std::string(kTable) + "]");
}

Status find_items(std::string_view text, Place& place) {
  bool may_follow = true;  // whether an item may be here
  for (std::size_t at = place.open + 1; at < place.close;) {
    const char c = text[at];
    if (c == '#') {
      at = text.find('\n', at);
    } else if (c == ',') {
      if (may_follow) return not_toml(text, at);
      may_follow = true;
      ++at;
    } else if (c == '"' || c == '\'') {
      if (!may_follow) return not_toml(text, at);
      const std::size_t end = end_of_string(text, at);
      place.items.push_back({at, end});
      at = end;
      may_follow = false;
    } else if (trimmed({&c, 1}).empty()) {
      ++at;
    } else {
      return other_form();
    }
  }
  return {};
}

Result<Place> find_place(std::string_view text) {
  Place place;
  bool is_in_table = false;
  for (std::size_t line = 0; line < text.size();) {
    const std::size_t at = text.find_first_not_of(" \t\r", line);
    if (at == kNowhere) break;
    if (text[at] == '\n') {
      line = at + 1;
      continue;
    }
    const std::size_t end_of_line = std::min(text.find('\n', at), text.size());
    if (text[at] == '#') {
      line = std::min(end_of_line + 1, text.size());
      continue;
    }
    if (text[at] == '[') {
      const std::size_t end = end_of_value(text, at);
      if (end == kNowhere) return not_toml(text, at);
      const std::string_view header = trimmed(text.substr(at, end - at));
      is_in_table = trimmed(header.substr(1, header.size() - 2)) == kTable;
      line = std::min(text.find('\n', end), text.size() - 1) + 1;
      if (is_in_table && !place.after_header) place.after_header = line;
      continue;
    }
    const std::size_t equals = text.find('=', at);
    if (equals > end_of_line) return not_toml(text, at);
    const std::size_t value = text.find_first_not_of(" \t", equals + 1);
    const std::size_t end = value == kNowhere ? kNowhere : end_of_value(text, value);
    if (end == kNowhere || value == end) return not_toml(text, at);
    const std::string_view key = trimmed(text.substr(at, equals - at));
    if (is_in_table && key == kKey) {
      const std::string_view list = trimmed(text.substr(value, end - value));
      if (!list.starts_with('[') || !list.ends_with(']')) return other_form();
      place.key = at;
      place.open = value;
      place.close = value + list.size() - 1;
      if (auto found = find_items(text, place); !found) return fail(std::move(found).error());
    } else if (text.substr(at, end - at).find(kKey) != kNowhere) {
      return other_form();  // a dotted key, or a table in braces
    }
    line = std::min(text.find('\n', end), text.size() - 1) + 1;
  }
  return place;
}

// A basic string (TOML 1.0, "String").
std::string quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

bool is_item(std::string_view text, const Item& item, std::string_view store) {
  const std::string_view shown = text.substr(item.begin, item.end - item.begin);
  return shown == quoted(store) || shown == "'" + std::string(store) + "'";
}

std::string list_line(std::string_view store) { return std::string(kKey) + " = [" + quoted(store) + "]\n"; }

}  // namespace

std::string new_storage_conf(std::string_view store, bool is_user) {
  std::string text = "[storage]\ndriver = \"overlay\"\n";
  if (!is_user)
    text += "runroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n";
  return text + "\n[" + std::string(kTable) + "]\n" + list_line(store);
}

Result<std::string> add_image_store(std::string_view text, std::string_view store) {
  const auto place = find_place(text);
  if (!place) return fail(Error(place.error()));
  std::string changed(text);
  if (place->open != kNowhere) {
    for (const Item& item : place->items)
      if (is_item(text, item, store)) return changed;
    changed.insert(place->open + 1, quoted(store) + (place->items.empty() ? "" : ", "));
  } else if (place->after_header) {
    const bool is_cut = *place->after_header == text.size() && !text.ends_with('\n');
    changed.insert(*place->after_header, (is_cut ? "\n" : "") + list_line(store));
  } else {
    if (!changed.empty() && !changed.ends_with('\n')) changed += '\n';
    changed += "\n[" + std::string(kTable) + "]\n" + list_line(store);
  }
  return changed;
}

Result<std::string> remove_image_store(std::string_view text, std::string_view store) {
  const auto place = find_place(text);
  if (!place) return fail(Error(place.error()));
  std::string changed(text);
  if (place->open == kNowhere) return changed;
  // From the last one, so that the places of the others stay right.
  for (std::size_t i = place->items.size(); i-- > 0;) {
    const Item& item = place->items[i];
    if (!is_item(text, item, store)) continue;
    std::size_t end = item.end;
    if (const std::size_t comma = text.find_first_not_of(" \t\r\n", end); text[comma] == ',') {
      end = comma + 1;
      while (text[end] == ' ' || text[end] == '\t') ++end;
    } else if (i > 0) {
      // The last one takes the comma before it.
      const std::size_t before = text.rfind(',', item.begin);
      const bool is_separator = trimmed(text.substr(before + 1, item.begin - before - 1)).empty();
      if (is_separator) {
        changed.erase(before, end - before);
        continue;
      }
    }
    changed.erase(item.begin, end - item.begin);
  }
  return changed;
}

}  // namespace layoutfs::tools
