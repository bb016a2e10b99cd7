"""The prose of a source tree: comments, messages, sentences of checks, README and manual pages, each as a list of (line, text)."""
import io
import re
import tokenize

# A comment, a raw string, a string or a character of C++.
CXX_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
# `code`, a "word" or *word* that is quoted, URLs, and names with an underscore, a slash, a scope or parentheses: not prose.
CODE = re.compile(r"`[^`]*`|\"\w+\"|\*\w+\*|\b[a-z]+://\S+|\b\w+(?:::|->)\w+|\b\w*_\w*\b|\b\w+\(\)")
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
CXX_ESCAPES = {"n": " ", "t": " ", '"': '"', "\\": "\\"}


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def cxx_comments(text):
    return [(line_of(text, token.start()), token.group().strip("/* "))
            for token in CXX_TOKEN.finditer(text) if token.group().startswith(("//", "/*"))]


def python_comments(text):
    """Returns comments and docstrings."""
    found, is_statement_start = [], True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            found.append((token.start[0], token.string.lstrip("# ")))
        elif token.type == tokenize.STRING and is_statement_start:
            found += [(token.start[0] + number, line.strip(' "')) for number, line in enumerate(token.string.split("\n"))]
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            is_statement_start = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    return found


def shell_comments(text):
    """Returns the comments of a shell script or of CMake: # at the start of a line, or after a blank outside quotes."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for mark in re.finditer(r"(?:^|\s)#(?=\s|$)", line):
            before = line[:mark.start()]
            if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
                found.append((number, line[mark.end():].strip()))
                break
    return found


def comments(name, text):
    """Returns the comments of the file `name`, by the kind of its name; none for an unknown kind."""
    if name.endswith((".h", ".cc", ".fbs")):
        return cxx_comments(text)
    if name.endswith(".py"):
        return python_comments(text)
    if name.endswith((".sh", ".cmake", "CMakeLists.txt")):
        return shell_comments(text)
    return []


def is_prose(literal):
    """Returns whether a string literal is for people: two words or more, and not JSON, a path or a format."""
    return len(re.findall(r"[A-Za-z]{2,}", literal)) > 1 and " " in literal.strip() and not re.search(r'[{}<>]|\\0|^/', literal)


# A check of an end-to-end test (tests/e2e/lib.sh), up to its sentence.
CHECK = re.compile(r"(?:^|[\s;&|({])(?:check|same|same_tree|ok|not_ok|refused|prints|unchanged) (?=\")", re.M)
EXPANSION = re.compile(r"\$\{[^}]*\}|\$\w+|\$\(")


def check_sentences(text):
    """Returns the sentences of the checks in an end-to-end test, with "..." for expansions. A sentence that consists of
    one expansion alone is passed on from a caller, and is left out."""
    found = []
    for mark in CHECK.finditer(text):
        depth, position, sentence = 0, mark.end() + 1, ""
        while depth or text[position] != '"':
            expansion = EXPANSION.match(text, position)
            if expansion:
                depth += expansion.group() == "$("
                sentence += "..." if depth < 2 else ""
                position = expansion.end()
                continue
            depth -= depth > 0 and text[position] == ")"
            sentence += text[position] if depth == 0 and text[position] != ")" else ""
            position += 1
        if sentence != "...":
            found.append((line_of(text, mark.end()), sentence))
    return found


def messages(text):
    """Returns the messages of a C++ source: for each statement with a literal that is prose, all of its literals, with
    "..." for the expressions between them."""
    found, pieces, first, depth, end = [], [], None, 0, 0
    statement_end = re.compile(r"[;{}]")

    def flush():
        nonlocal pieces
        if any(is_prose(piece) for piece in pieces if piece != "..."):
            found.append((first, "".join(pieces)))
        pieces = []

    for token in CXX_TOKEN.finditer(text):
        between = text[end:token.start()]
        end = token.end()
        if statement_end.search(between):
            flush()
        word = token.group()
        if not word.startswith('"') or between.rstrip().endswith(("#include", 'extern')):
            continue
        literal = re.sub(r"\\(.)", lambda m: CXX_ESCAPES.get(m.group(1), m.group()), word[1:-1])
        if not pieces:
            first = line_of(text, token.start())
        elif between.strip():
            pieces.append("..." if "," not in between else " | ")
        pieces.append(literal)
    flush()
    return found


def markdown(text):
    """Returns the prose of a Markdown page: no code blocks, no targets of links."""
    found, is_code = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            is_code = not is_code
        elif not is_code and not line.startswith("    "):
            found.append((number, re.sub(r"\]\([^)]*\)", "]", line)))
    return found


def manual(text):
    """Returns the prose of a manual page: no examples, no comments, no font macros."""
    found, is_code = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith((".EX", ".nf")):
            is_code = True
        elif line.startswith((".EE", ".fi")):
            is_code = False
        elif not is_code and not line.startswith(('.\\"', ".TH")):
            found.append((number, re.sub(r"^\.[A-Z]+ ?|\\f[A-Z]|\\", "", line)))
    return found


def words(text):
    """Returns the words of prose in lower case, without code."""
    return [word.lower() for word in WORD.findall(CODE.sub(" ", text))]
