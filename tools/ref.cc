// `layoutfs ref`: get, ls and rm.
#include "tools/ref.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tools/store.h"

namespace layoutfs::tools {
namespace {

struct GetArguments {
  StoreArguments layout;
  std::string name;
};

struct ListArguments {
  StoreArguments layout;
  bool is_long = false;
  bool is_json = false;
};

int get(const GetArguments& arguments, Output& output) {
  const auto store = open_store(arguments.layout);
  if (!store) return report(store.error());
  auto descriptor = store->engine->get_reference(arguments.name);
  if (!descriptor) return report(std::move(descriptor).error().with(store->path));
  JsonWriter json(JsonWriter::Style::indented);
  descriptor->write_json(json);
  output << json.str() << "\n";
  return kDone;
}

// The first of each name, which is the one that get finds.
std::map<std::string_view, const Descriptor*> by_name(const References& references) {
  std::map<std::string_view, const Descriptor*> named;
  for (const Descriptor& entry : references.entries)
    if (const auto name = entry.ref_name()) named.emplace(*name, &entry);
  return named;
}

int list(const ListArguments& arguments, Output& output) {
  const auto store = open_store(arguments.layout);
  if (!store) return report(store.error());
  auto references = store->engine->references();
  if (!references) return report(std::move(references).error().with(store->path));
  for (const std::string& problem : (*references)->problems) print_error(store->path + ": " + problem);
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("references").begin_array();
  for (const auto& [name, entry] : by_name(**references)) {
    if (arguments.is_json) {
      json.begin_object().key("name").string(name).key("digest").string(entry->digest.str());
      json.key("mediaType").string(entry->media_type);
      json.key("size").integer(to_json_integer(entry->size)).end_object();
      continue;
    }
    if (arguments.is_long)
      (output << entry->digest.str() << " " << pad(human_size(entry->size), 8) << " ")
              .name(entry->media_type.empty() ? "-" : entry->media_type)
          << " ";
    output.name(name) << "\n";
  }
  json.end_array();
  write_problems(json, (*references)->problems);
  if (arguments.is_json) output << json.end_object().str() << "\n";
  return (*references)->problems.empty() ? kDone : kCorrupt;
}

int remove(const RemoveArguments& arguments) {
  return remove_each(arguments, "reference",
                     [](Engine& engine, const std::string& name) { return engine.delete_reference(name); });
}

void add_ref_get_command(Command ref, int& exit_code) {
  const auto arguments = std::make_shared<GetArguments>();
  const Command command = ref.add_subcommand("get", "Print the descriptor that a name stands for, as JSON");
  arguments->layout.add_options(command);
  command.add_option("NAME", arguments->name, "The reference's name").required();
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return get(*arguments, output); });
  });
}

void add_ref_ls_command(Command ref, int& exit_code) {
  const auto arguments = std::make_shared<ListArguments>();
  const Command command = ref.add_subcommand("ls", "List the names of all references");
  arguments->layout.add_options(command);
  command.add_flag("-l,--long", arguments->is_long, "With digests, sizes and media types");
  command.add_flag("--json", arguments->is_json, "As one JSON document");
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list(*arguments, output); });
  });
}

void add_ref_rm_command(Command ref, int& exit_code) {
  const auto arguments = std::make_shared<RemoveArguments>();
  const Command command = ref.add_subcommand("rm", "Remove references; their blobs stay until gc");
  arguments->layout.add_options(command);
  command.add_option("NAME", arguments->names, "The references' names").required();
  command.add_flag("-f,--force", arguments->is_forced, "A reference that is not there is no error");
  command.callback([arguments, &exit_code] { exit_code = remove(*arguments); });
}

}  // namespace

void add_ref_command(Command program, int& exit_code) {
  const Command ref = program.add_subcommand("ref", "The references of a layout: put, get, ls, rm");
  ref.require_subcommand();
  add_ref_put_command(ref, exit_code);
  add_ref_get_command(ref, exit_code);
  add_ref_ls_command(ref, exit_code);
  add_ref_rm_command(ref, exit_code);
}

}  // namespace layoutfs::tools
