x = {
target: builder.stage,
}
