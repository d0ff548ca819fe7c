!> The baseline network, 1 -> 16 -> 16 -> 1 channels, three 3 x 3 convolutions with ReLU between:
!> its output, the gradient of its mean squared error, and a step of plain gradient descent.
!>
!> Images are (x, y, channel, pair): Fortran's first index runs fastest, so loops over x are inmost
!> and go through memory in order. What a convolution reads has a frame of zeros, indices 0 and
!> nx + 1, so that no loop has to ask where the image ends.
module network
   use, intrinsic :: iso_fortran_env, only: real32, real64
   implicit none
   private
   public :: layer, state, forward, backward, descend, squared_error

   !> A convolution, or its gradient.
   type :: layer
      real(real32), allocatable :: weight(:, :, :, :)  !! (kx, ky, in, out)
      real(real32), allocatable :: bias(:)             !! (out)
   end type layer

   !> All that is computed on the way from a batch to its output.
   type :: state
      real(real32), allocatable :: noisy(:, :, :, :), relu1(:, :, :, :), relu2(:, :, :, :)  ! framed
      real(real32), allocatable :: conv1(:, :, :, :), conv2(:, :, :, :), output(:, :, :, :)
   end type state

contains

   !> Compute the output of a batch, (nx, ny, 1, pairs), and all on the way there.
   subroutine forward(layers, batch, s)
      type(layer), intent(in) :: layers(3)
      real(real32), intent(in), contiguous :: batch(:, :, :, :)
      type(state), intent(inout) :: s  ! its memory is used again

      call prepare(s, layers, shape(batch))
      call framed(batch, s%noisy)
      call convolve(s%noisy, layers(1), s%conv1)
      call rectify(s%conv1, s%relu1)
      call convolve(s%relu1, layers(2), s%conv2)
      call rectify(s%conv2, s%relu2)
      call convolve(s%relu2, layers(3), s%output)
   end subroutine forward

   !> Compute the gradient of the mean squared error of a batch that went forward.
   subroutine backward(layers, s, target, gradients)
      type(layer), intent(in) :: layers(3)
      type(state), intent(in) :: s
      real(real32), intent(in), contiguous :: target(:, :, :, :)
      type(layer), intent(inout) :: gradients(3)
      real(real32), allocatable :: at_output(:, :, :, :), at_conv2(:, :, :, :), at_conv1(:, :, :, :)

      allocate (at_output, mold=s%noisy)
      call framed(s%output - target, at_output)
      at_output = at_output * (2.0_real32 / size(target))
      call sum_products(s%relu2, at_output, gradients(3))
      call pass_back(at_output, layers(3), s%conv2, at_conv2)
      call sum_products(s%relu1, at_conv2, gradients(2))
      call pass_back(at_conv2, layers(2), s%conv1, at_conv1)
      call sum_products(s%noisy, at_conv1, gradients(1))
   end subroutine backward

   !> Move all weights against their gradient.
   elemental subroutine descend(one, gradient, rate)
      type(layer), intent(inout) :: one
      type(layer), intent(in) :: gradient
      real(real32), intent(in) :: rate

      one%weight = one%weight - rate * gradient%weight
      one%bias = one%bias - rate * gradient%bias
   end subroutine descend

   !> Return the mean of (output - target)^2; rows are summed in float32, their sums in float64.
   real(real64) function squared_error(output, target)
      real(real32), intent(in), contiguous :: output(:, :, :, :), target(:, :, :, :)
      integer :: y, n

      squared_error = 0
      do n = 1, size(output, 4)
         do y = 1, size(output, 2)
            squared_error = squared_error + real(sum((output(:, y, 1, n) - target(:, y, 1, n))**2), real64)
         end do
      end do
      squared_error = squared_error / size(output)
   end function squared_error

   subroutine prepare(s, layers, sides)
      type(state), intent(inout) :: s
      type(layer), intent(in) :: layers(3)
      integer, intent(in) :: sides(4)
      integer :: nx, ny, wide, pairs

      if (allocated(s%output)) then
         if (all(shape(s%output) == sides)) return
         deallocate (s%noisy, s%relu1, s%relu2, s%conv1, s%conv2, s%output)
      end if
      nx = sides(1); ny = sides(2); pairs = sides(4); wide = size(layers(1)%bias)
      allocate (s%noisy(0:nx + 1, 0:ny + 1, 1, pairs), source=0.0_real32)
      allocate (s%relu1(0:nx + 1, 0:ny + 1, wide, pairs), source=0.0_real32)
      allocate (s%relu2, source=s%relu1)
      allocate (s%conv1(nx, ny, wide, pairs), s%conv2(nx, ny, wide, pairs), s%output(nx, ny, 1, pairs))
   end subroutine prepare

   !> Copy images into a frame of zeros.
   subroutine framed(images, into)
      real(real32), intent(in), contiguous :: images(:, :, :, :)
      real(real32), intent(out), contiguous :: into(0:, 0:, :, :)

      into = 0
      into(1:size(images, 1), 1:size(images, 2), :, :) = images
   end subroutine framed

   !> Add up nine products for each input channel; one row of one output channel at a time.
   subroutine convolve(a, one, b)
      real(real32), intent(in), contiguous :: a(0:, 0:, :, :)  ! framed
      type(layer), intent(in) :: one
      real(real32), intent(out), contiguous :: b(:, :, :, :)
      integer :: i, o, y, n

      !$omp parallel do collapse(2) schedule(static) private(i, o)
      do n = 1, size(b, 4)
         do y = 1, size(b, 2)
            do o = 1, size(b, 3)
               b(:, y, o, n) = one%bias(o)
               do i = 1, size(a, 3)
                  call add_products(one%weight(:, :, i, o), a(:, y - 1, i, n), a(:, y, i, n), &
                                    a(:, y + 1, i, n), b(:, y, o, n))
               end do
            end do
         end do
      end do
   end subroutine convolve

   !> Add the products of a kernel with three rows to a row.
   pure subroutine add_products(w, above, here, below, b)
      real(real32), intent(in), contiguous :: w(:, :), above(0:), here(0:), below(0:)
      real(real32), intent(inout), contiguous :: b(:)
      integer :: x

      do x = 1, size(b)
         b(x) = b(x) + w(1, 1) * above(x - 1) + w(2, 1) * above(x) + w(3, 1) * above(x + 1) &
                     + w(1, 2) * here(x - 1) + w(2, 2) * here(x) + w(3, 2) * here(x + 1) &
                     + w(1, 3) * below(x - 1) + w(2, 3) * below(x) + w(3, 3) * below(x + 1)
      end do
   end subroutine add_products

   !> Put max(0, a) into a frame that is zero already.
   subroutine rectify(a, b)
      real(real32), intent(in), contiguous :: a(:, :, :, :)
      real(real32), intent(inout), contiguous :: b(0:, 0:, :, :)
      integer :: c, n

      !$omp parallel do collapse(2) schedule(static)
      do n = 1, size(a, 4)
         do c = 1, size(a, 3)
            b(1:size(a, 1), 1:size(a, 2), c, n) = max(0.0_real32, a(:, :, c, n))
         end do
      end do
   end subroutine rectify

   !> Gradient of a layer: what it read times the gradient of what it wrote, summed over all pixels.
   subroutine sum_products(a, g, gradient)
      real(real32), intent(in), contiguous :: a(0:, 0:, :, :), g(0:, 0:, :, :)  ! framed
      type(layer), intent(inout) :: gradient
      real(real64) :: products(3, 3), total
      integer :: i, o, y, n

      !$omp parallel do collapse(2) schedule(static) private(products, y, n)
      do o = 1, size(g, 3)
         do i = 1, size(a, 3)
            products = 0
            do n = 1, size(g, 4)
               do y = 1, size(g, 2) - 2
                  call add_row(g(:, y, o, n), a(:, y - 1, i, n), a(:, y, i, n), a(:, y + 1, i, n), products)
               end do
            end do
            gradient%weight(:, :, i, o) = real(products, real32)
         end do
      end do
      do o = 1, size(g, 3)
         total = 0
         do n = 1, size(g, 4)
            do y = 1, size(g, 2) - 2
               total = total + real(sum(g(:, y, o, n)), real64)
            end do
         end do
         gradient%bias(o) = real(total, real32)
      end do
   end subroutine sum_products

   !> Add one row's products; in float32 along the row, which OpenMP may sum in parts, then in float64.
   pure subroutine add_row(g, above, here, below, products)
      real(real32), intent(in), contiguous :: g(0:), above(0:), here(0:), below(0:)
      real(real64), intent(inout) :: products(3, 3)
      real(real32) :: a1, a2, a3, h1, h2, h3, b1, b2, b3
      integer :: x

      a1 = 0; a2 = 0; a3 = 0; h1 = 0; h2 = 0; h3 = 0; b1 = 0; b2 = 0; b3 = 0
      !$omp simd reduction(+: a1, a2, a3, h1, h2, h3, b1, b2, b3)
      do x = 1, size(g) - 2
         a1 = a1 + above(x - 1) * g(x); a2 = a2 + above(x) * g(x); a3 = a3 + above(x + 1) * g(x)
         h1 = h1 + here(x - 1) * g(x); h2 = h2 + here(x) * g(x); h3 = h3 + here(x + 1) * g(x)
         b1 = b1 + below(x - 1) * g(x); b2 = b2 + below(x) * g(x); b3 = b3 + below(x + 1) * g(x)
      end do
      products = products + reshape([a1, a2, a3, h1, h2, h3, b1, b2, b3], [3, 3])
   end subroutine add_row

   !> Gradient before a layer and the ReLU it reads from: convolve with the kernels turned around.
   subroutine pass_back(g, one, before, into)
      real(real32), intent(in), contiguous :: g(0:, 0:, :, :)  ! framed
      type(layer), intent(in) :: one
      real(real32), intent(in), contiguous :: before(:, :, :, :)
      real(real32), intent(out), allocatable :: into(:, :, :, :)  ! framed
      real(real32), allocatable :: plain(:, :, :, :)
      type(layer) :: turned
      integer :: c, n, o, nx, ny

      nx = size(before, 1); ny = size(before, 2)
      allocate (turned%weight(3, 3, size(one%weight, 4), size(one%weight, 3)))
      do o = 1, size(one%weight, 4)
         turned%weight(:, :, o, :) = one%weight(3:1:-1, 3:1:-1, :, o)
      end do
      allocate (turned%bias(size(one%weight, 3)), source=0.0_real32)
      allocate (plain, mold=before)
      call convolve(g, turned, plain)
      allocate (into(0:nx + 1, 0:ny + 1, size(before, 3), size(before, 4)), source=0.0_real32)
      !$omp parallel do collapse(2) schedule(static)
      do n = 1, size(before, 4)
         do c = 1, size(before, 3)
            where (before(:, :, c, n) > 0) into(1:nx, 1:ny, c, n) = plain(:, :, c, n)
         end do
      end do
   end subroutine pass_back

end module network
