# From gcov's text: the share of lines that ran, by folder, and those that did not, into the file
# `missed`. Of a file that is compiled several times (for each instruction set, into both libraries)
# a line counts once, and ran if it ran in one of them.

/^ *-: *0:Source:/ {
    file = $0
    sub(/.*Source:(\.\.\/)*/, "", file)
    folder = file
    sub(/\/.*/, "", folder)
    known = folder ~ /^(tensor|autograd|nn|optim|data|io)$/
    next
}
!known || !match($0, /^ *[^:]+: *[0-9]+:/) { next }
{
    text = substr($0, RLENGTH + 1)
    split($0, part, ":")
    count = part[1]
    line = part[2] + 0
    gsub(/[ *]/, "", count)
    if (line == 0 || count == "-") next
    key = file ":" line
    if (!(key in seen)) lines[folder]++
    if (count !~ /[#=]/ && seen[key] != "ran") {
        ran[folder]++
        seen[key] = "ran"
    } else if (!(key in seen)) {
        seen[key] = text
    }
}

END {
    n = split("tensor autograd capture nn optim data io", folders)
    for (i = 1; i <= n; i++) {
        folder = folders[i]
        all += lines[folder]
        all_ran += ran[folder]
        printf "%-10s %5d of %5d lines  %5.1f %%\n", folder, ran[folder], lines[folder],
               100 * ran[folder] / lines[folder]
    }
    printf "%-10s %5d of %5d lines  %5.1f %%\n", "all", all_ran, all, 100 * all_ran / all
    for (key in seen)
        if (seen[key] != "ran") print key ":" seen[key] | ("sort -t: -k1,1 -k2,2n >" missed)
}
